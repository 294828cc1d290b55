"""MONAI Label's web server, with a sentence and a 4xx where a request is wrong."""

import functools
import json
import types
from typing import Any

import jwt
import monailabel.endpoints.datastore as datastore
import monailabel.endpoints.infer as infer
import monailabel.endpoints.user.auth as auth
from fastapi import Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from monailabel.app import app
from monailabel.interfaces.exception import MONAILabelException

from patchseg.errors import InputError, input_error_in

# PyJWT 2 asks which algorithms are allowed, and Label 0.8.5 names none: no token would be valid. Keycloak signs
# with RS256.
auth.jwt = types.SimpleNamespace(decode=functools.partial(jwt.decode, algorithms=["RS256"]))


def json_object(text: str) -> dict[str, Any]:
    """The parameters of a request."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise InputError(
            f'the parameters are {text[:50]}: give a JSON object, such as {{"foreground": [[90, 80, 12]]}}.'
        )
    return found


# Label takes any JSON for an object, and fails at a list.
for endpoint in (infer, datastore):
    endpoint.json = types.SimpleNamespace(loads=json_object, dumps=json.dumps)

# Label lets every page in the user's browser read the answers, and its setting MONAI_LABEL_CORS_ORIGINS stops the
# server at its start. Slicer, scripts, and the OHIF that Label serves need no such permission.
app.user_middleware = [middleware for middleware in app.user_middleware if middleware.cls is not CORSMiddleware]


def answer(request: Request, error: Exception) -> JSONResponse:
    """What the client is told: the sentence of an InputError, Label's own message, or that the log knows more."""
    wrong = input_error_in(error)
    if wrong is not None:
        return JSONResponse({"detail": str(wrong)}, 400)
    if isinstance(error, MONAILabelException):
        return JSONResponse({"detail": error.msg}, 400)
    if isinstance(error, json.JSONDecodeError):
        return JSONResponse({"detail": f"the parameters are no JSON: {error}."}, 400)
    return JSONResponse({"detail": "the server failed at this request; its log says why."}, 500)


# FastAPI looks a handler up by the error's classes, nearest first; what reaches Exception is logged as well
for kind in (ValueError, MONAILabelException, Exception):
    app.add_exception_handler(kind, answer)
