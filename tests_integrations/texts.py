"""Texts about three things, each in its own words."""

PHONES = ["I like my phone", "The new phone has a good camera", "My phone battery is empty"]
WEATHER = ["Heavy rain falls on the coast", "Snow and wind tomorrow", "The storm brings rain"]
FOOD = ["We cook soup for dinner", "Bread with cheese for lunch", "The soup needs more salt"]
TEXTS = [*PHONES, *WEATHER, *FOOD]
LABELS = ["phones"] * 3 + ["weather"] * 3 + ["food"] * 3
