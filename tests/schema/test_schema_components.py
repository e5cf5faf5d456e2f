"""Every registered component and every section: names, arguments, defaults, what is said of them."""

import json

import pytest
import yaml

from raypose import config
from raypose.check.slots import all_slots
from raypose.registry import REGISTRIES, takes_anything
from raypose.schema.partial import SUFFIX

OF_SLOT = {registry.name: registry for registry in config.SLOTS.values()}
COMPONENTS = [(slot, name) for slot, registry in OF_SLOT.items() for name in registry]
SECTIONS = [config.Data, config.Augment, config.Split, config.Training, config.Tune, config.Resources]


def unknown(errors, definition, **given):
    return [each for each in errors.of(definition, yaml.safe_dump({**given, "argumment": 1})) if "argumment" in each]


@pytest.mark.parametrize(("slot", "name"), COMPONENTS)
def test_a_component_takes_its_own_arguments_alone(errors, slot, name):
    expected = 0 if takes_anything(OF_SLOT[slot].get(name)) else 1
    assert len(unknown(errors, slot, type=name)) == expected


@pytest.mark.parametrize("cls", SECTIONS)
def test_a_section_has_its_own_keys_alone(errors, cls):
    assert len(unknown(errors, f"raypose.config.{cls.__name__}")) == 1
    assert len(unknown(errors, "space")) == 1


def test_a_default_is_a_value_that_may_be_given(schema, errors_by):
    definitions, wrong = schema["definitions"], []
    for slot, name in COMPONENTS:
        for key, argument in definitions[f"{slot}.{name}"]["properties"].items():
            if "default" in argument:
                found = errors_by({**argument, "definitions": definitions})(json.dumps(argument["default"]))
                wrong += [f"{slot}.{name}.{key}: {each}" for each in found]
    assert wrong == []


def test_a_mapping_is_no_value_of_a_plain_argument(schema, errors):
    """Whatever an argument's annotation says that YAML can give, `{nested: 1}` is not it, unless it is a mapping."""
    seen = 0
    for key in schema["definitions"]:
        if key.rstrip("0123456789") in ("integer", "number", "string", "boolean", "array", "number-or-null"):
            assert errors.of(key, "{nested: 1}") != []
            seen += 1
    assert seen > 20


@pytest.mark.parametrize(
    ("slot", "text", "message"),
    [
        ("backbone", "type: ResNt", "type: 'ResNt' is not one of ['AlexNet', "),
        ("backbone", "type: 3", "type: 3 is not one of"),
        ("backbone", "type: {choice: [ResNet, ResNt]}", "type.choice[1]: 'ResNt' is not one of"),
        ("backbone", "depth: 18", "'type' is a required property"),
        ("backbone", "choice: [{type: ResNet}, {type: ResNet, deph: 18}]", "choice[1]: Additional properties"),
        ("backbone", "ResNet", "'ResNet' is not of type 'object'"),
        ("backbone", "null", "None is not of type 'object'"),
        ("backbone", "chioce: [{type: ResNet}]", "'type' is a required property"),
        ("optimizer", "type: LBFGS", "type: 'LBFGS' is not one of"),
        ("head", "{type: HeatmapHead, codec: {type: MSRAHeatmp}}", "codec.type: 'MSRAHeatmp' is not one of"),
        ("head", "{type: HeatmapHead, loss_keypoint: {type: L1Loss, los: 1}}", "loss_keypoint: Additional"),
        ("loss", "type: MultipleLossWrapper", "'losses' is a required property"),
        ("loss", "{type: MultipleLossWrapper, losses: {type: L1Loss}}", "losses: {'type': 'L1Loss'} is not of type"),
        ("loss", "{type: MultipleLossWrapper, losses: [{type: L1}]}", "losses[0].type: 'L1' is not one of"),
        ("posenet", "{backbone: {type: VGG}, keypoint_head: {type: RLEHead}, head: {}}", "('head' was unexpected)"),
        ("lr_schedule", "{type: StepLR, step_size: 3, warmup_type: exp}", "is not valid under any of the given"),
        ("lr_schedule", "{type: StepLR, step_size: 3, warmup: 1, warmup_iters: 3}", "False schema does not allow 3"),
        ("sampler", "type: BaseSampler", "type: 'BaseSampler' is not one of"),
        ("sampler", "{type: TPESampler, n_startup_trials: {randint: [1, 3]}}", "is not of type 'integer'"),
        ("scheduler", "type: PB2", "type: 'PB2' is not one of"),
        ("scheduler", "{type: PatientPruner, patience: 1, wrapped_pruner: {type: Median}}", "wrapped_pruner.type:"),
        ("optimizer", "{constructor: CocktailOptimizerConstructor, backbone: {type: SDG}}", "backbone.type: 'SDG' is"),
        ("optimizer", "{constructor: CocktailOptimizerConstructor, backbone: 1e-3}", "backbone: 0.001 is not of type"),
        ("optimizer", "{constructor: DefaultOptimizerConstructor, backbone: {type: SGD}}", "'type' is a required"),
        ("optimizer", "{type: SGD, paramwise_cfg: {norm_decay: 0}}", "paramwise_cfg: Additional properties"),
    ],
)
def test_what_is_wrong_with_a_component_is_told_once(errors, slot, text, message):
    found = errors.of(slot, text)
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("optimizer", "{type: my_package.optim.Mine, whatever: {choice: [1, {type: 3}]}}"),
        ("optimizer", "{type: AdamW, constructor: null}"),
        ("optimizer", '{type: "${OPTIMIZER}", lr: 1}'),
        ("optimizer", "{constructor: CocktailOptimizerConstructor, backbone: {type: SGD, lr: {uniform: [0, 1]}},"
                      " keypoint_head.final_layer: {choice: [{type: SGD}, {type: Adam, constructor: null}]}}"),
        ("backbone", "{type: {choice: [ResNet, SEResNet]}, depth: {choice: [18, 50]}}"),
        ("backbone", "choice: [{type: ResNet, label: small, depth: 18}, {choice: [{type: VGG}], label: VGGs}]"),
        ("backbone", "ref: model.backbone"),
        ("backbone", "fixed: {type: ResNet}"),
        ("neck-or-null", "choice: [null, {type: FPN}]"),
        ("list-of-loss", "choice: [[{type: L1Loss}], [{type: L1Loss}, {choice: [{type: WingLoss}]}]]"),
        ("posenet", "{backbone: {type: VGG}, keypoint_head: {type: HeatmapHead}}"),
        ("scheduler-or-null", "null"),
    ],
)  # fmt: skip
def test_what_a_component_may_be(errors, slot, text):
    assert errors.of(slot, text) == []


def test_what_is_said_of_components_arguments_and_keys(schema):
    definitions = schema["definitions"]
    resnet = definitions["backbone.ResNet"]
    assert resnet["description"].startswith("ResNet (He et al. 2015")
    assert resnet["properties"]["depth"] | {"allOf": 0} == {
        "allOf": 0,
        "description": "layers, counted as in the paper.",
        "default": 50,
    }
    names = definitions["name-of-backbone"]
    assert names["enumDescriptions"][names["enum"].index("ResNet")] == resnet["description"]
    assert definitions["raypose.config.Augment"]["else"]["properties"]["flip"]["description"] == "probability"


def test_every_component_is_there(schema):
    assert {*OF_SLOT, "optimizer constructor"} == {registry.name for registry in REGISTRIES.values()}
    for slot in {slot.name for slot in all_slots().values()}:
        names = schema["definitions"][f"name-of-{slot}"]
        listed = names.get("enum") or names["else"]["enum"]
        assert listed == list(OF_SLOT[slot]) if slot in OF_SLOT else len(listed) > 5
        assert {f"{slot}.{name}" for name in listed} <= schema["definitions"].keys()


def test_a_file_with_a_base_may_leave_out_what_the_base_has(schema, errors):
    assert errors("base: a.yaml\nmodel: {backbone: {depth: 50}}\noptimizer: {lr: 1e-3}") == []
    assert errors("base: [a.yaml, b.yaml]\ntraining: {epochs: 3}") == []
    assert len(errors("base: a.yaml\nmodel: {backbone: {type: ResNet, deph: 50}, head: {}}\nseeed: 0")) == 3
    demanding = {name.removesuffix(SUFFIX) for name in schema["definitions"] if name.endswith(SUFFIX)}
    assert "head.HeatmapHead" in demanding
    assert not {"optimizer.AdamW", "backbone.ResNet", "number"} & demanding  # the same for both kinds of files
