"""Where a mutant can be made, and what it is made of: finds places in C++ sources by libclang.

A place is a piece of one file, the original text and what a mutant has instead:
  sign     a - b <-> a + b, -a -> a, of numbers, sizes and terms of adjoints
  drop     a statement (d.add(..), list.push_back(..), x = ..) is left out; a + b, a - b, a * b -> a
  shift    a position, offset, tap, length or stride is one more; a small number that stands as an argument or index is another one
  compare  == <-> !=, < <-> <=, > <-> >=, && <-> ||, !a -> a, true <-> false, min <-> max

Left out, since no result depends on it: text (functions that return a string, reasons, texts, messages and what they are made of),
`throw`, reserve, and estimates of cost, which decide about speed only.
"""

import os
import re

from clang import cindex
from clang.cindex import CursorKind as Kind

BINARY = {
    "==": ("!=", "compare"), "!=": ("==", "compare"), "<": ("<=", "compare"), "<=": ("<", "compare"),
    ">": (">=", "compare"), ">=": (">", "compare"), "&&": ("||", "compare"), "||": ("&&", "compare"),
    "+": ("-", "sign"), "-": ("+", "sign"),
}
NUMBERS = re.compile(r"(const )?(unsigned |signed )?(int|long|short|char|double|float|long long|tapeloop::(Dim|Term))( int| long)?")
TEXT = re.compile(r"basic_string|const char|char \[")
# Functions, and members that are set, of which only what people read depends.
WORDS = re.compile(r"text|reason|why|message|describe|note_|cost|flops|bytes|fail|error|warn|doc|help|title|sentence|reserve|hash|did_you_mean", re.I)
SHIFTED = re.compile(r"tap|offset|delay|position|lag|stride|reach|slot|shift|first|start|stop|begin|depth|together|length|by_?$|count|size|steps?$")
NO_PLACES = {Kind.CXX_THROW_EXPR, Kind.STATIC_ASSERT, Kind.ENUM_DECL, Kind.PARM_DECL, Kind.TEMPLATE_REF, Kind.TYPE_REF}
STATEMENTS = {Kind.CALL_EXPR, Kind.COMPOUND_ASSIGNMENT_OPERATOR, Kind.UNEXPOSED_EXPR, Kind.BINARY_OPERATOR, Kind.UNARY_OPERATOR}
BLOCKS = {Kind.COMPOUND_STMT, Kind.IF_STMT, Kind.FOR_STMT, Kind.CXX_FOR_RANGE_STMT, Kind.WHILE_STMT, Kind.CASE_STMT, Kind.DEFAULT_STMT}
FUNCTIONS = {Kind.FUNCTION_DECL, Kind.CXX_METHOD, Kind.FUNCTION_TEMPLATE, Kind.CONSTRUCTOR, Kind.LAMBDA_EXPR}


class Places:
    """Those of one file, in `found`: dictionaries with start and end (bytes), kind, was, now."""

    def __init__(self, path, text, adjoints_only):
        self.path = path
        self.text = text
        self.adjoints_only = adjoints_only
        self.found = {}

    def piece(self, start, end):
        return self.text[start:end].decode()

    def add(self, cursor, kind, now):
        start, end = cursor.extent.start.offset, cursor.extent.end.offset
        was = self.piece(start, end)
        if was == now or "\n" in was and len(was) > 400:
            return
        key = (start, end, now)
        line, column = cursor.extent.start.line, cursor.extent.start.column
        self.found[key] = {"file": self.path, "line": line, "column": column, "start": start, "end": end, "kind": kind, "was": was, "now": now}

    def walk(self, cursor, parent, inside):
        if not is_in(cursor, self.path):
            return
        if cursor.kind in NO_PLACES or self.is_about_words(cursor):
            return
        if cursor.kind in FUNCTIONS:
            inside = inside or not self.adjoints_only or is_adjoint(cursor)
        elif cursor.kind in (Kind.VAR_DECL, Kind.FIELD_DECL):
            head = self.piece(cursor.extent.start.offset, cursor.extent.end.offset).split("=")[0]
            if "constexpr" in head or "static" in head:
                return
        children = list(cursor.get_children())
        if inside:
            self.look_at(cursor, parent, children)
        if cursor.kind == Kind.CASE_STMT:
            children = children[1:]
        for child in children:
            self.walk(child, cursor, inside)

    def is_about_words(self, cursor):
        kind = cursor.kind
        while kind == Kind.UNEXPOSED_EXPR and len(children := list(cursor.get_children())) == 1:
            cursor = children[0]
            kind = cursor.kind
        if kind in FUNCTIONS and kind != Kind.LAMBDA_EXPR:
            return bool(WORDS.search(cursor.spelling)) and not self.adjoints_only or bool(TEXT.search(cursor.result_type.get_canonical().spelling))
        if kind == Kind.CALL_EXPR and (WORDS.search(cursor.spelling or "") or cursor.spelling == "set_context"):
            return True
        if kind in (Kind.CALL_EXPR, Kind.BINARY_OPERATOR, Kind.COMPOUND_ASSIGNMENT_OPERATOR, Kind.VAR_DECL):
            head = re.split(r"[^=!<>]=[^=]", self.piece(cursor.extent.start.offset, cursor.extent.end.offset), 1)
            member = re.split(r"[.\s]", head[0].strip())[-1].strip("+")
            return len(head) == 2 and bool(WORDS.search(member) or member in ("name", "source", "is_part"))
        return False

    def look_at(self, cursor, parent, children):
        start, end = cursor.extent.start.offset, cursor.extent.end.offset
        was = self.piece(start, end)
        if parent is not None and parent.kind in BLOCKS and cursor.kind in STATEMENTS and self.is_statement(cursor, start, end):
            self.add(cursor, "drop", "void()")
            return
        if cursor.kind in (Kind.BINARY_OPERATOR, Kind.CALL_EXPR) and len(children) >= 2:
            self.binary(cursor, children[0], children[-1])
        if cursor.kind == Kind.UNARY_OPERATOR or cursor.kind == Kind.CALL_EXPR and cursor.spelling.startswith("operator"):
            if was.startswith("-") and not was.startswith("--") and is_number(cursor):
                self.add(cursor, "sign", was[1:].strip())
            if was.startswith("!") and not was.startswith("!="):
                self.add(cursor, "compare", was[1:].strip())
        if cursor.kind == Kind.CXX_BOOL_LITERAL_EXPR:
            self.add(cursor, "compare", "false" if was == "true" else "true")
        if cursor.kind == Kind.CALL_EXPR:
            for one, other in (("std::min", "std::max"), ("std::max", "std::min")):
                if re.match(one + r"[(<]", was):
                    self.add(cursor, "compare", other + was[len(one):])
        self.shift(cursor, parent, children, was)

    def shift(self, cursor, parent, children, was):
        if cursor.kind == Kind.UNEXPOSED_EXPR and len(children) == 1 and is_whole(cursor):
            if children[0].kind in (Kind.DECL_REF_EXPR, Kind.MEMBER_REF_EXPR) and SHIFTED.search(children[0].spelling):
                self.add(cursor, "shift", f"{was} + 1")
        if cursor.kind == Kind.INTEGER_LITERAL and parent is not None and re.fullmatch(r"\d", was):
            if parent.kind in (Kind.CALL_EXPR, Kind.UNEXPOSED_EXPR, Kind.ARRAY_SUBSCRIPT_EXPR, Kind.INIT_LIST_EXPR):
                self.add(cursor, "shift", "0" if was == "1" else str(int(was) + 1))
        if cursor.kind == Kind.FLOATING_LITERAL and float(was) != 0:
            self.add(cursor, "sign", f"-{was}")

    def is_statement(self, cursor, start, end):
        if re.fullmatch(r"operator(<|>|<=|>=|==|!=)", cursor.spelling) or cursor.kind == Kind.BINARY_OPERATOR and not self.sets(cursor):
            return False
        before, after = self.text[:start].rstrip(), self.text[end:].lstrip()
        return after[:1] == b";" and (before[-1:] in (b";", b"{", b"}", b")", b":") or before.endswith(b"else"))

    def sets(self, cursor):
        left, right = list(cursor.get_children())[:2]
        return self.piece(left.extent.end.offset, right.extent.start.offset).strip() == "="

    def binary(self, cursor, left, right):
        sign = self.piece(left.extent.end.offset, right.extent.start.offset).strip()
        one = self.piece(left.extent.start.offset, left.extent.end.offset)
        two = self.piece(right.extent.start.offset, right.extent.end.offset)
        if left.extent.start.offset != cursor.extent.start.offset or right.extent.end.offset != cursor.extent.end.offset:
            return
        if "iterator" in kind_of(left):
            return
        if sign in ("+", "-", "*") and is_number(cursor):
            if sign != "*":
                self.add(cursor, "sign", f"{one} {BINARY[sign][0]} {two}")
            if kind_of(left) == kind_of(cursor) or "dependent" in kind_of(cursor) or is_whole(left) and is_whole(cursor):
                self.add(cursor, "drop", one)
        elif sign in BINARY and sign not in ("+", "-"):
            if not TEXT.search(kind_of(left)):
                self.add(cursor, BINARY[sign][1], f"{one} {BINARY[sign][0]} {two}")


def kind_of(cursor):
    return cursor.type.get_canonical().spelling.replace("const ", "").rstrip(" &")


def is_number(cursor):
    found = kind_of(cursor)
    return bool(NUMBERS.fullmatch(found)) or "dependent" in found or found in ("T", "type-parameter-0-0")


def is_whole(cursor):
    return bool(re.fullmatch(r"(unsigned |signed )?(int|long|long long|short)", kind_of(cursor)))


def is_adjoint(function):
    if any("AdjointBuilder" in child.type.spelling for child in function.get_children() if child.kind == Kind.PARM_DECL):
        return True
    return bool(re.search(r"_slope_body$", function.spelling))


def parse(text_or_path, includes, text=None):
    unsaved = [(text_or_path, text)] if text else None
    arguments = ["-x", "c++", "-std=c++20", "-w", *(f"-I{folder}" for folder in includes)]
    unit = cindex.Index.create().parse(text_or_path, args=arguments, unsaved_files=unsaved)
    wrong = [str(found) for found in unit.diagnostics if found.severity >= cindex.Diagnostic.Error]
    if wrong:
        raise RuntimeError("\n".join(wrong))
    return unit


def places_of(unit, paths, adjoints_only):
    """All places of some files of a unit, sorted."""
    found = []
    for path in paths:
        with open(path, "rb") as file:
            places = Places(path, file.read(), adjoints_only)
        visit_file(unit.cursor, places)
        found += [places.found[key] for key in sorted(places.found)]
    return found


def is_in(cursor, path):
    file = cursor.location.file
    return file is not None and os.path.normpath(file.name) == path


def visit_file(cursor, places):
    for child in cursor.get_children():
        if not is_in(child, places.path):
            continue
        if child.kind == Kind.NAMESPACE:
            visit_file(child, places)
        else:
            places.walk(child, None, False)
