"""The template, as CloudFormation sees it: transformed by SAM's own code, and with the conditions
decided for given parameters, so that tools that do not follow conditions see what is really made."""

import copy
import logging
import os
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parent.parent
PSEUDO_PARAMETERS = {
    "AWS::AccountId": "111122223333",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/redtrail/11111111-2222-3333-4444-555555555555",
    "AWS::StackName": "redtrail",
    "AWS::URLSuffix": "amazonaws.com",
}
# SAM's translator wants a Region to be set, though nothing of the template's depends on it.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
# It also complains that nobody asked for its metrics.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)
NO_VALUE = {"Ref": "AWS::NoValue"}


class _NoManagedPolicies:
    """The template names none of AWS's managed policies, so none need be asked for."""

    @staticmethod
    def load():
        return {}


def load():
    return yaml_parse((ROOT / "template.yaml").read_text())


def transformed(template, code, parameters=None):
    """Plain CloudFormation: SAM's resources replaced, each function's code where `code` says, in S3."""
    template = copy.deepcopy(template)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = code[name]
            # How it is built is of no interest to CloudFormation.
            resource.pop("Metadata", None)
    return transform(template, parameters or {}, _NoManagedPolicies)


def parameter_values(template, given):
    """Every parameter's value as CloudFormation takes it: the given one, else the default."""
    unknown = given.keys() - template["Parameters"].keys()
    assert not unknown, f"no such parameters: {unknown}"
    values = {}
    for name, parameter in template["Parameters"].items():
        value = str(given.get(name, parameter.get("Default", "")))
        pattern = parameter.get("AllowedPattern")
        assert not pattern or re.fullmatch(pattern, value), f"{name}: {value!r} is not {pattern}"
        allowed = parameter.get("AllowedValues")
        assert not allowed or value in map(str, allowed), f"{name}: {value!r} is not of {allowed}"
        values[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else value
    return values


class Resolver:
    """Decides conditions and evaluates the functions that need nothing but parameters."""

    def __init__(self, template, given):
        self.template = template
        self.values = parameter_values(template, given) | PSEUDO_PARAMETERS

    def condition(self, name):
        return self.evaluate(self.template["Conditions"][name])

    def evaluate(self, value):
        """The value of an expression of `Conditions` or `Rules`."""
        if not isinstance(value, dict):
            return value
        ((function, argument),) = value.items()
        if function == "Ref":
            return self.values[argument]
        if function == "Condition":
            return self.condition(argument)
        if function == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda name: self.values[name[1]], argument)
        arguments = [self.evaluate(part) for part in argument]
        match function:
            case "Fn::Not":
                return not arguments[0]
            case "Fn::And":
                return all(arguments)
            case "Fn::Or":
                return any(arguments)
            # CloudFormation compares everything as text.
            case "Fn::Equals":
                return str(arguments[0]) == str(arguments[1])
            case "Fn::Join":
                return arguments[0].join(arguments[1])
            case "Fn::Split":
                return arguments[1].split(arguments[0])
            case "Fn::Select":
                return arguments[1][int(arguments[0])]
        raise ValueError(f"{function} is not known")

    def text(self, value):
        """What a value comes to in a text, as far as parameters tell: an ARN is `ARN`."""
        match value:
            case {"Fn::GetAtt": _}:
                return "ARN"
            case {"Fn::Join": [separator, parts]} if isinstance(parts, list):
                return separator.join(map(self.text, parts))
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}]+)\}", lambda name: self.values.get(name[1], "ARN"), text)
        return self.evaluate(value)

    def broken_rules(self):
        """The names of the rules that forbid these parameters."""
        broken = []
        for name, rule in self.template.get("Rules", {}).items():
            applies = "RuleCondition" not in rule or self.evaluate(rule["RuleCondition"])
            if applies and not all(self.evaluate(entry["Assert"]) for entry in rule["Assertions"]):
                broken.append(name)
        return broken

    def decided(self):
        """The template with the parameters as defaults and only what they make of it."""
        template = copy.deepcopy(self.template)
        conditions = template.pop("Conditions", {})
        template.pop("Rules", None)
        for section in ("Resources", "Outputs"):
            template[section] = {
                name: self.without_conditions(entry)
                for name, entry in template[section].items()
                if "Condition" not in entry or self.evaluate(conditions[entry["Condition"]])
            }
            for entry in template[section].values():
                entry.pop("Condition", None)
        used = referenced(template["Resources"]) | referenced(template["Outputs"])
        template["Parameters"] = {
            name: {"Type": parameter["Type"], "Default": self.default(name)}
            for name, parameter in template["Parameters"].items()
            if name in used
        }
        template.pop("Metadata", None)
        return template

    def default(self, name):
        value = self.values[name]
        return ",".join(value) if isinstance(value, list) else value

    def without_conditions(self, value):
        if isinstance(value, list):
            decided = (self.without_conditions(entry) for entry in value)
            return [entry for entry in decided if entry != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            name, then, otherwise = value["Fn::If"]
            return self.without_conditions(then if self.condition(name) else otherwise)
        decided = {key: self.without_conditions(entry) for key, entry in value.items()}
        return {key: entry for key, entry in decided.items() if entry != NO_VALUE}


def referenced(value):
    """The names that `Ref`, `Fn::GetAtt` and `Fn::Sub` name anywhere below."""
    if isinstance(value, list):
        return set().union(*map(referenced, value))
    if not isinstance(value, dict):
        return set()
    names = set()
    for key, entry in value.items():
        if key == "Ref":
            names.add(entry)
        elif key == "Fn::Sub":
            text = entry if isinstance(entry, str) else entry[0]
            names.update(re.findall(r"\$\{([^}!.]+)", text))
        elif key == "Fn::GetAtt":
            names.add(entry[0] if isinstance(entry, list) else entry.split(".")[0])
        names |= referenced(entry)
    return names
