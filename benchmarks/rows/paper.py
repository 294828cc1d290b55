"""What a row, a task and a paper are made of; `reproduce.py` runs them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Task(NamedTuple):
    """A data set with the bundle configs that train and evaluate on it.

    Attributes:
        folder: of the data, below the folder that the user gives.
        about: the data in the table's words.
        train, evaluate: config files, later ones over earlier ones.
        settings: ids of the configs with other values, for every row; evaluate gets those that it has.
        train_only, evaluate_only: the same for one of the two.
        rows: names of those that it is for; empty takes all.
        published: the paper's figures for this task by row, where it has a table of its own, `where`; empty takes
            those of the rows.
    """

    folder: str
    about: str
    train: Sequence[str]
    evaluate: Sequence[str]
    settings: Mapping[str, Any] = {}
    train_only: Mapping[str, Any] = {}
    evaluate_only: Mapping[str, Any] = {}
    rows: Sequence[str] = ()
    published: Mapping[str, Mapping[str, float]] = {}
    where: str = ""


class Row(NamedTuple):
    """One row of a table: one training and one evaluation per seed.

    Attributes:
        name: as in the table, and what the user names it by.
        where: table or figure of the paper.
        published: the paper's figures by measure, as `{"dsc": 0.937}`; empty where it draws or says nothing.
        settings: ids of the configs with other values, over the task's; evaluate gets those that it has.
        train, evaluate: config files over the task's.
        train_only, evaluate_only: settings for one of the two.
        weights_of: name of the row whose trained weights are evaluated; then nothing is trained.
        not_run: why the row cannot be run; it stands in the table with that.
        note: what differs from the paper's.
    """

    name: str
    where: str
    published: Mapping[str, float] = {}
    settings: Mapping[str, Any] = {}
    train: Sequence[str] = ()
    evaluate: Sequence[str] = ()
    train_only: Mapping[str, Any] = {}
    evaluate_only: Mapping[str, Any] = {}
    weights_of: str = ""
    not_run: str = ""
    note: str = ""


class Order(NamedTuple):
    """Methods as the paper ranks them, the best first, and where it does."""

    where: str
    best_first: Sequence[str]


class Paper(NamedTuple):
    """All rows of one paper.

    Attributes:
        title: for the table.
        ours: name of the row that every other is tested against.
        rows: in the order of the table.
        tasks: by name; the first is the default.
        orders: what the paper says about which method is better.
        measures: of the table, the first is the one that is ranked and tested.
    """

    title: str
    ours: str
    rows: Sequence[Row]
    tasks: Mapping[str, Task]
    orders: Sequence[Order] = ()
    measures: Sequence[str] = ("dsc", "hd_mm", "or", "ur")

    def row(self, name: str) -> Row:
        """The row of that name."""
        return next(row for row in self.rows if row.name == name)

    def rows_of(self, task: str) -> list[Row]:
        """The rows of one task, in the order of the table."""
        of = self.tasks[task]
        rows = [row for row in self.rows if not of.rows or row.name in of.rows]
        known = of.published
        if not known:
            return rows
        return [
            row._replace(published=known.get(row.name, {}), where=of.where if row.name in known else "-")
            for row in rows
        ]
