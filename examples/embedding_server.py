"""A small server of vectors: FastAPI around one TextEmbedder.

    pip install fastapi uvicorn
    uvicorn --app-dir examples embedding_server:app
    curl -s localhost:8000/embed -H 'content-type: application/json' -d '{"texts": ["a text"]}'

The functions are plain `def`: FastAPI runs them on threads, so the event loop answers meanwhile.
MODEL in the environment names another model.
"""

from __future__ import annotations

import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from albertkit import InputError, TextEmbedder

app = FastAPI(title="Vectors of texts")
embedder = TextEmbedder(os.environ.get("MODEL"))  # None: the built-in one


class Texts(BaseModel):
    texts: list[str] = Field(min_length=1, max_length=1000)
    prompt_name: str | None = None


class Vectors(BaseModel):
    dimensions: int
    vectors: list[list[float]]


@app.post("/embed")
def embed(request: Texts) -> Vectors:
    vectors = embedder.encode(request.texts, prompt_name=request.prompt_name)
    return Vectors(dimensions=vectors.shape[1], vectors=vectors.tolist())


@app.get("/health")
def health() -> dict[str, str]:
    return {"model": repr(embedder)}


@app.exception_handler(InputError)
def refuse(request: Request, error: InputError) -> JSONResponse:
    """A wrong prompt is the caller's mistake: 400, with the line that says what to do."""
    return JSONResponse({"detail": str(error), "code": error.diagnostic.code}, 400)
