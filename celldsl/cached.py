"""The former name of `celldsl.generated`, which pickles of cells hold."""

from celldsl.generated import __path__ as __path__
