"""The doctor: why a model does not load, and why its numbers are wrong."""

from albertkit.doctor.examination import Examination
from albertkit.doctor.examine import diagnose, examine

__all__ = ["Examination", "diagnose", "examine"]
