"""All methods, discovered by folder: one file is one method, and a broken file raises here, at import."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from core.errors import UnknownMethod
from core.method_base.method import Method
from core.method_base.parameters import validated


def discover(package: str, folders: list[str]) -> dict[str, type[Method]]:
    """Name -> class of each method file in `folders`. Raises TypeError where a file does not hold exactly one."""
    discovered: dict[str, type[Method]] = {}
    for module_info in sorted(pkgutil.iter_modules(folders), key=lambda info: info.name):
        module = import_module(f"{package}.{module_info.name}")
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Method) and value.__module__ == module.__name__
        ]
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} must hold one Method, it holds {len(classes)}")
        titles = {method.title: name for name, method in discovered.items()}
        if classes[0].title in titles:
            raise TypeError(f"{module.__name__} and {titles[classes[0].title]} have the same title")
        discovered[classes[0].name] = classes[0]
    return discovered


METHODS: Mapping[str, type[Method]] = discover(__name__, list(__path__))


def make_method(name: str, parameters: Mapping[str, Any]) -> Method:
    """The method of this name with these parameters; form, flags and links all validate here.

    Raises UnknownMethod or BadParameter, each with one sentence.
    """
    if name not in METHODS:
        raise UnknownMethod(f"there is no method {str(name)[:80]!r}; there are: {', '.join(METHODS)}")
    return validated(METHODS[name], parameters)
