"""Chinese ALBERTs: a vocab.txt of 21,128 entries and relu, from transformers and from google."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from albertkit import AlbertTokenizer, FillMask, load
from albertkit.checkpoints import read_checkpoint
from albertkit.checkpoints.tf1.format import TF1
from albertkit.engine.packing import pack, plan
from albertkit.engine.protocol import OutputRequest

TEXTS = ["今天天气很好。", "ALBERT 是一个[MASK]型,\t2019年", "未登录词：𠀀 ünïcode", "不 好", ""]


def vocabulary() -> bytes:
    """As many entries as BERT's Chinese vocabulary, the special ones at the same ids."""
    names = ["[PAD]", *(f"[unused{n}]" for n in range(1, 100)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    names += [chr(code) for code in range(0x21, 0x7F)]
    names += ["##" + chr(code) for code in range(0x61, 0x7B)]
    names += ["。", "：", "albert", "201", "##9"]
    names += [chr(code) for code in range(0x4E00, 0x4E00 + 21_128 - len(names))]
    return "\n".join(names).encode() + b"\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as people upload them: transformers' files, torch's weights, vocab.txt."""
    path = tmp_path_factory.mktemp("chinese") / "albert_chinese"
    config = transformers.AlbertConfig(
        vocab_size=21_128,
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=64,
        hidden_act="relu",
        tokenizer_class="BertTokenizer",  # type: ignore[call-arg]  # any key is taken
    )
    torch.manual_seed(0)
    model = transformers.AlbertForMaskedLM(config)
    for parameter in model.parameters():
        parameter.data.normal_(0.1, 0.2)
    model.save_pretrained(path)
    (path / "model.safetensors").unlink()
    torch.save(model.state_dict(), path / "pytorch_model.bin")
    (path / "vocab.txt").write_bytes(vocabulary())
    return path


def test_ids_words_and_logits_are_those_of_transformers(published: Path) -> None:
    peer = transformers.BertTokenizer.from_pretrained(published)
    loaded = load(published)
    assert loaded.config.activation == "relu"
    ours = loaded.tokenizer(TEXTS)["input_ids"]
    assert ours == peer(TEXTS)["input_ids"]
    state = torch.load(published / "pytorch_model.bin", weights_only=True)
    model = transformers.AlbertForMaskedLM(transformers.AlbertConfig.from_pretrained(published))
    model.load_state_dict(state)
    with torch.no_grad():
        oracle = model.eval()(input_ids=torch.tensor([peer(TEXTS[1])["input_ids"]])).logits[0]
    encodings = loaded.tokenizer.encode_batch(TEXTS[1:2])
    (layout,) = plan(encodings.lengths)
    wanted = OutputRequest(mlm_tokens=np.arange(len(encodings.ids)))
    outputs = loaded.engine_for(encodings).run(pack(encodings, layout), wanted)
    assert outputs.mlm_logits is not None
    np.testing.assert_allclose(outputs.mlm_logits, oracle, atol=5e-5)
    (best, *_) = FillMask(published)(TEXTS[1])
    assert isinstance(best, dict)
    mask = peer(TEXTS[1])["input_ids"].index(peer.mask_token_id)
    assert best["token"] == int(oracle[mask].argmax())


def test_googles_checkpoint_with_its_own_name_for_the_vocabulary(
    published: Path, tmp_path: Path
) -> None:
    TF1.write(read_checkpoint(published), tmp_path / "m")
    (tmp_path / "m" / "vocab.txt").rename(tmp_path / "m" / "vocab_chinese.txt")
    loaded, before = load(tmp_path / "m"), load(published)
    assert loaded.config.activation == "relu"
    assert loaded.tokenizer(TEXTS)["input_ids"] == before.tokenizer(TEXTS)["input_ids"]
    for name, array in before.weights.arrays.items():
        np.testing.assert_array_equal(loaded.weights.arrays[name], array)
    alone = AlbertTokenizer.from_pretrained(tmp_path / "m")
    assert alone(TEXTS)["input_ids"] == before.tokenizer(TEXTS)["input_ids"]
