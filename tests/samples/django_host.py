"""A project of Django with nothing in it but the sample, mounted by the line that the sample gives for urls.py.

usage: django_host.py SAMPLE PORT
"""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.core.servers import basehttp
from django.core.wsgi import get_wsgi_application
from django.urls import path

sample, port = Path(sys.argv[1]), int(sys.argv[2])
# As `startproject` has it, and the protection against forged forms above all.
settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    ROOT_URLCONF="urls",
    SECRET_KEY="of this test",
)
spec = spec_from_file_location("views", sample)
views = module_from_spec(spec)
spec.loader.exec_module(views)
urls = sys.modules["urls"] = ModuleType("urls")
route = re.search(r"# In urls\.py: *(path\(.+\))", sample.read_text())[1]
urls.urlpatterns = [eval(route, {"path": path, "receive": views.receive})]
basehttp.run("127.0.0.1", port, get_wsgi_application(), threading=True)
