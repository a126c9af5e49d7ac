"""Makes dist/ of what `sam build` built: each function's zip with its SHA-256, and the template as
plain CloudFormation, for StackSets and for whoever does not use SAM."""

import hashlib
import json
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import template as cloudformation

DIST = cloudformation.ROOT / "dist"
BUILT = cloudformation.ROOT / ".aws-sam/build"
# The zip of each function, what it must contain to be that function's, and its bound in bytes. The one
# that starts for every log object is kept small.
ZIPS = {
    "IngestFunction": ("redtrail-ingest-x86_64.zip", b"REDSHIFT_ACCOUNT_IDS", 5_000_000),
    "ReconcileFunction": ("redtrail-reconcile-x86_64.zip", b"INGEST_QUEUE_URL", 6_000_000),
}
# Amazon Linux 2023's.
NEWEST_GLIBC = (2, 34)
# CloudFormation's bound on a template that lies in S3.
LARGEST_TEMPLATE = 1_000_000
CODE_PARAMETERS = {
    "CodeBucket": {
        "Type": "String",
        "Description": "The bucket, of the stack's Region, that holds the functions' zips.",
    },
    "CodeKey": {"Type": "String", "Description": "The key of the ingest function's zip in it."},
    "ReconcileCodeKey": {
        "Type": "String",
        "Description": "The key of the zip of the function for digests. Of no matter where Reconcile is false.",
    },
}
KEYS = {"IngestFunction": "CodeKey", "ReconcileFunction": "ReconcileCodeKey"}


def check_binary(binary):
    """What Lambda would find out only when it starts the function."""
    data = binary.read_bytes()
    assert data[:4] == b"\x7fELF", f"{binary} is no ELF file"
    (machine,) = struct.unpack_from("<H", data, 18)
    assert machine == 62, f"{binary} is for machine {machine}, not x86_64"
    sections = subprocess.run(["objdump", "-h", str(binary)], capture_output=True, text=True, check=True).stdout
    assert ".symtab" not in sections and ".debug" not in sections, f"{binary} is not stripped"
    symbols = subprocess.run(["objdump", "-T", str(binary)], capture_output=True, text=True, check=True).stdout
    versions = {
        tuple(map(int, word.strip("()")[len("GLIBC_") :].split(".")[:2]))
        for word in symbols.split()
        if word.strip("()").startswith("GLIBC_")
    }
    newest = max(versions)
    assert newest <= NEWEST_GLIBC, f"{binary} wants glibc {newest}"
    return ".".join(map(str, newest))


def write_zip(binary, file):
    """The same bytes give the same zip."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, binary.read_bytes())


def plain_template():
    template = cloudformation.load()
    template["Parameters"] = CODE_PARAMETERS | template["Parameters"]
    template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].insert(
        0, {"Label": {"default": "The code"}, "Parameters": list(CODE_PARAMETERS)}
    )
    template["Parameters"]["Architecture"]["AllowedValues"] = ["x86_64"]
    template["Parameters"]["Architecture"]["Description"] = "The processor that the zips were built for."
    code = {function: {"Bucket": {"Ref": "CodeBucket"}, "Key": {"Ref": key}} for function, key in KEYS.items()}
    return cloudformation.transformed(template, code)


def main():
    DIST.mkdir(exist_ok=True)
    for function, (name, contained, bound) in ZIPS.items():
        binary = BUILT / function / "bootstrap"
        glibc = check_binary(binary)
        assert contained in binary.read_bytes(), f"{binary} is another function's"
        archive = DIST / name
        write_zip(binary, archive)
        size = archive.stat().st_size
        assert size < bound, f"{archive} has {size} bytes, of {bound}"
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        (DIST / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
        print(f"{archive.relative_to(cloudformation.ROOT)}: {size} bytes, sha256 {digest}")
        print(f"  bootstrap: {binary.stat().st_size} bytes, stripped, glibc {glibc} or later")
    plain = json.dumps(plain_template(), indent=1)
    assert "AWS::Serverless" not in plain and len(plain) < LARGEST_TEMPLATE
    file = DIST / "redtrail.template.json"
    file.write_text(plain + "\n")
    print(f"{file.relative_to(cloudformation.ROOT)}: {len(plain)} bytes")
    return subprocess.run([str(Path(sys.executable).parent / "cfn-lint"), str(file)]).returncode


if __name__ == "__main__":
    sys.exit(main())
