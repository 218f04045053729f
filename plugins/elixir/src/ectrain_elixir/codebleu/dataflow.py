"""Where values come from and go to: bindings, pins, arguments, whatever variables are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ectrain_elixir.codebleu.normal import Form

_DEFINITIONS = frozenset(["def", "defp", "defmacro", "defmacrop"])
_SUBJECTS = frozenset(["case", "receive", "cond", "with", "for", "try"])

Edge = tuple[object, ...]
Scope = dict[str, int]


def edges(form: Form) -> Counter[Edge]:
    """Return the edges of a program's data flow, with how often each occurs.

    An edge is a variable that a pattern binds to variables of its value; a variable that a pattern
    pins; or what goes into a call or an operator at a place: a variable, or another's result.
    Variables are numbered as they are bound, so names don't matter.
    """
    walk = _Walk()
    walk.visit(form, {})
    return walk.found


class _Walk:
    def __init__(self) -> None:
        self.found: Counter[Edge] = Counter()
        self._bound = 0

    def visit(self, form: Form, scope: Scope) -> None:
        """Take in a node; what it binds is added to the scope."""
        if form.kind == "binary_operator" and form.text in ("=", "<-"):
            pattern, value = form.inner
            self.visit(value, scope)
            self._bind(pattern, self._variables([value], scope), scope)
        elif form.kind == "call" and form.text in _DEFINITIONS:
            self._define(form, scope)
        elif form.kind == "anonymous_function":
            for clause in form.inner:
                self._clause(clause, [], dict(scope))
        elif form.kind == "call" and form.text in _SUBJECTS:
            self._branch(form, dict(scope))
        else:
            self._flows(form, scope)
            for inner in form.inner:
                self.visit(inner, dict(scope) if inner.kind.endswith("_block") else scope)

    def _define(self, form: Form, outer: Scope) -> None:
        """Take in a function: its parameters are bound for its guards and its body."""
        scope = dict(outer)
        head = form.inner[0] if form.inner else form
        guards: tuple[Form, ...] = ()
        if head.kind == "binary_operator" and head.text == "when":
            head, guards = head.inner[0], head.inner[1:]
        for place, parameter in enumerate(head.inner):
            self._bind(parameter, [-1 - place], scope)
        for part in (*guards, *form.inner[1:]):
            self.visit(part, scope)

    def _branch(self, form: Form, scope: Scope) -> None:
        """Take in a call with clauses, which match what its arguments give."""
        subject: list[int] = []
        for part in form.inner:
            if not part.kind.endswith("_block"):
                self._flows(Form("call", form.text, (part,)), scope)
                self.visit(part, scope)
                subject += self._variables([part], scope)
                continue
            for inner in part.inner:
                if inner.kind == "stab_clause":
                    self._clause(inner, subject, dict(scope))
                else:
                    self.visit(inner, scope)

    def _clause(self, clause: Form, subject: Iterable[int], scope: Scope) -> None:
        if clause.kind != "stab_clause":
            self.visit(clause, scope)
            return
        *heads, body = clause.inner or (clause,)
        for head in heads:
            inner = head.inner if head.kind == "arguments" else (head,)
            for pattern in inner:
                self._bind(pattern, subject, scope)
        self.visit(body, scope)

    def _bind(self, pattern: Form, sources: Iterable[int], scope: Scope) -> None:
        """Bind a pattern's variables to what its value is made of; pinned ones are only read."""
        sources = tuple(sorted(set(sources)))
        if pattern.kind == "unary_operator" and pattern.text == "^":
            for number in self._variables([pattern], scope):
                self.found["pinned", number, sources] += 1
        elif pattern.kind == "identifier":
            if not pattern.text.startswith("_"):
                scope[pattern.text] = self._bound
                self.found["bound", self._bound, sources] += 1
                self._bound += 1
        elif pattern.kind == "binary_operator" and pattern.text == "when":
            self._bind(pattern.inner[0], sources, scope)
            self.visit(pattern.inner[1], scope)
        else:
            for inner in pattern.inner:
                self._bind(inner, sources, scope)

    def _flows(self, form: Form, scope: Scope) -> None:
        """Note what goes directly into a call, an operator or a structure."""
        name = form.text or form.kind
        for place, inner in enumerate(form.inner):
            if inner.kind == "identifier" and inner.text in scope:
                self.found["flows", scope[inner.text], name, place] += 1
            elif inner.kind == "call" and form.kind in ("call", "binary_operator"):
                self.found["flows", inner.text, name, place] += 1

    def _variables(self, forms: Iterable[Form], scope: Scope) -> list[int]:
        found = []
        for form in forms:
            for part in form.all():
                if part.kind == "identifier" and part.text in scope:
                    found.append(scope[part.text])
        return found
