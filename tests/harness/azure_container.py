"""Makes a container in Azurite: azure_container.py ENDPOINT ACCOUNT KEY NAME.

The request is signed as Microsoft's "Authorize with Shared Key" has it.
"""

import base64
import email.utils
import hashlib
import hmac
import sys
import urllib.request

endpoint, account, key, name = sys.argv[1:]
headers = {
    "x-ms-date": email.utils.formatdate(usegmt=True),
    "x-ms-version": "2021-12-02",
}
lines = ["PUT"] + [""] * 11 + [f"{header}:{value}" for header, value in headers.items()]
lines += [f"/{account}/{account}/{name}", "restype:container"]
digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(digest).decode()}"
request = urllib.request.Request(f"{endpoint}/{name}?restype=container", method="PUT", headers=headers)
urllib.request.urlopen(request, timeout=10)
