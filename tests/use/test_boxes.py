"""Boxes by arithmetic: squares, moved edges, and which of several that overlap are left."""

import numpy as np

from ferlab.use.face import Face
from ferlab.use.mtcnn.boxes import distinct, moved, squares
from ferlab.use.mtcnn.cascade import turned_back


def test_a_square_has_the_centre_and_the_longer_side() -> None:
    boxes = np.array([[0.0, 0, 10, 20], [4, 4, 8, 6]])
    assert squares(boxes).tolist() == [[-5, 0, 15, 20], [4, 3, 8, 7]]


def test_edges_move_by_shares_of_the_sides() -> None:
    boxes, shares = np.array([[10.0, 10, 20, 30]]), np.array([[0.1, -0.1, 0.2, 0.5]])
    assert moved(boxes, shares).tolist() == [[11, 8, 22, 40]]


def test_of_boxes_that_overlap_too_much_the_best_is_left() -> None:
    """The first two share 80 of 120, the last lies in the first, of which it is a quarter."""
    boxes = np.array([[0.0, 0, 10, 10], [2, 0, 12, 10], [30, 30, 40, 40], [0, 0, 5, 5]])
    scores = np.array([0.8, 0.9, 0.7, 0.6])
    assert distinct(boxes, scores, 0.7).tolist() == [1, 0, 2, 3]
    assert distinct(boxes, scores, 0.6).tolist() == [1, 2, 3]
    assert distinct(boxes, scores, 0.7, of_smaller=True).tolist() == [1, 2, 3]
    assert distinct(boxes, scores, 0.5, of_smaller=True).tolist() == [1, 2]
    assert distinct(np.empty((0, 4)), np.empty(0), 0.5).tolist() == []


def test_what_was_found_in_a_turned_photo_lies_where_it_was() -> None:
    """A quarter turn against the clock puts what was right, above; of 100x60 it makes 60x100."""
    face = Face((25, 5, 35, 25), 0.9, np.array([[28.0, 10], [32, 10]]))
    back = turned_back(face, 90, (60, 100), (100, 60))
    assert np.allclose(back.box, (80, 20, 90, 40))
    assert back.eyes is not None
    assert np.allclose(back.eyes, [[90, 28], [90, 32]])
