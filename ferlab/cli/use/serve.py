"""``ferlab serve``."""

import argparse
from typing import Any

from ferlab.cli.ui import listen

_EPILOG = """\
The page reads the camera, or photos; programs post images to /predict, and find how at /schema.
Frames and photos are scored in memory, and neither kept nor sent on.

  ferlab serve best
  ferlab serve models:/faces@champion --port 8000
  curl -H 'Content-Type: image/jpeg' --data-binary @photo.jpg http://127.0.0.1:5050/predict
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command."""
    serve = commands.add_parser(
        "serve",
        parents=[common],
        help="show a page on which a network reads the camera, with an endpoint for programs",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument(
        "model",
        metavar="RUN",
        help="an id, its beginning, best[:STUDY[:METRIC]], models:/NAME@ALIAS, or FILE.onnx",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=5050, help="port to listen on (%(default)s)")
    serve.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    with listen(args.host, args.port) as listening:
        from ferlab.use.extra import require_extra

        require_extra("captum", "starlette", "uvicorn")
        from ferlab.use.serve.models import Models
        from ferlab.use.serve.server import serve

        models = Models(args.model)
        print(f"model    {models.default.what}")
        shown = f"[{args.host}]" if ":" in args.host else args.host
        print(f"look at  http://{shown}:{args.port}/", flush=True)
        serve(models, listening, args.host, args.debug)
    return 0
