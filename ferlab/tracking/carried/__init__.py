"""Runs that go from one store to another: taken out of one as plain data, and put into another."""
