import datetime

from brownout_core.v1 import proxy_pb2 as _proxy_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_PASSED: _ClassVar[Verdict]
    VERDICT_REFUTED: _ClassVar[Verdict]
    VERDICT_INCONCLUSIVE: _ClassVar[Verdict]
    VERDICT_REFUSED: _ClassVar[Verdict]
    VERDICT_STOPPED: _ClassVar[Verdict]
    VERDICT_NOT_REVERTED: _ClassVar[Verdict]
    VERDICT_INTERNAL: _ClassVar[Verdict]
    VERDICT_DONE: _ClassVar[Verdict]

class Signal(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SIGNAL_UNSPECIFIED: _ClassVar[Signal]
    SIGNAL_INT: _ClassVar[Signal]
    SIGNAL_TERM: _ClassVar[Signal]
VERDICT_UNSPECIFIED: Verdict
VERDICT_PASSED: Verdict
VERDICT_REFUTED: Verdict
VERDICT_INCONCLUSIVE: Verdict
VERDICT_REFUSED: Verdict
VERDICT_STOPPED: Verdict
VERDICT_NOT_REVERTED: Verdict
VERDICT_INTERNAL: Verdict
VERDICT_DONE: Verdict
SIGNAL_UNSPECIFIED: Signal
SIGNAL_INT: Signal
SIGNAL_TERM: Signal

class Experiment(_message.Message):
    __slots__ = ("text", "file", "environment", "variables", "seed", "replay", "part_of")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    PART_OF_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: str
    environment: str
    variables: _containers.ScalarMap[str, str]
    seed: int
    replay: str
    part_of: str
    def __init__(self, text: _Optional[str] = ..., file: _Optional[str] = ..., environment: _Optional[str] = ..., variables: _Optional[_Mapping[str, str]] = ..., seed: _Optional[int] = ..., replay: _Optional[str] = ..., part_of: _Optional[str] = ...) -> None: ...

class Target(_message.Message):
    __slots__ = ("id", "proxy", "where")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    WHERE_FIELD_NUMBER: _ClassVar[int]
    id: str
    proxy: str
    where: str
    def __init__(self, id: _Optional[str] = ..., proxy: _Optional[str] = ..., where: _Optional[str] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("net", "reason", "remedy")
    NET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    net: str
    reason: str
    remedy: str
    def __init__(self, net: _Optional[str] = ..., reason: _Optional[str] = ..., remedy: _Optional[str] = ...) -> None: ...

class PlanRequest(_message.Message):
    __slots__ = ("experiment", "measure")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    measure: bool
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ..., measure: _Optional[bool] = ...) -> None: ...

class PlanResponse(_message.Message):
    __slots__ = ("name", "edges", "targets", "faults", "duration", "lease", "readings", "refusals", "trouble", "baseline", "recovery", "traffic")
    NAME_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    READINGS_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    TRAFFIC_FIELD_NUMBER: _ClassVar[int]
    name: str
    edges: _containers.RepeatedScalarFieldContainer[str]
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    faults: _containers.RepeatedCompositeFieldContainer[_proxy_pb2.Fault]
    duration: _duration_pb2.Duration
    lease: _duration_pb2.Duration
    readings: _containers.RepeatedCompositeFieldContainer[Reading]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    trouble: str
    baseline: _duration_pb2.Duration
    recovery: _duration_pb2.Duration
    traffic: str
    def __init__(self, name: _Optional[str] = ..., edges: _Optional[_Iterable[str]] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ..., faults: _Optional[_Iterable[_Union[_proxy_pb2.Fault, _Mapping]]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., readings: _Optional[_Iterable[_Union[Reading, _Mapping]]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ..., trouble: _Optional[str] = ..., baseline: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., recovery: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., traffic: _Optional[str] = ...) -> None: ...

class Reading(_message.Message):
    __slots__ = ("hypothesis", "expect", "value", "why", "holds", "when", "later", "unit")
    HYPOTHESIS_FIELD_NUMBER: _ClassVar[int]
    EXPECT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    WHEN_FIELD_NUMBER: _ClassVar[int]
    LATER_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    hypothesis: str
    expect: str
    value: float
    why: str
    holds: bool
    when: _containers.RepeatedScalarFieldContainer[str]
    later: bool
    unit: str
    def __init__(self, hypothesis: _Optional[str] = ..., expect: _Optional[str] = ..., value: _Optional[float] = ..., why: _Optional[str] = ..., holds: _Optional[bool] = ..., when: _Optional[_Iterable[str]] = ..., later: _Optional[bool] = ..., unit: _Optional[str] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class RunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("run", "after", "no_wait")
    RUN_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    NO_WAIT_FIELD_NUMBER: _ClassVar[int]
    run: str
    after: int
    no_wait: bool
    def __init__(self, run: _Optional[str] = ..., after: _Optional[int] = ..., no_wait: _Optional[bool] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("n", "at", "kind", "json")
    N_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    n: int
    at: float
    kind: str
    json: str
    def __init__(self, n: _Optional[int] = ..., at: _Optional[float] = ..., kind: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class StopRequest(_message.Message):
    __slots__ = ("run", "why", "signal", "at_once")
    RUN_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    AT_ONCE_FIELD_NUMBER: _ClassVar[int]
    run: str
    why: str
    signal: Signal
    at_once: bool
    def __init__(self, run: _Optional[str] = ..., why: _Optional[str] = ..., signal: _Optional[_Union[Signal, str]] = ..., at_once: _Optional[bool] = ...) -> None: ...

class StopResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RunInfo(_message.Message):
    __slots__ = ("run", "name", "environment", "started", "state", "verdict", "exit", "ad_hoc", "targets", "phase", "left")
    RUN_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    AD_HOC_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    run: str
    name: str
    environment: str
    started: str
    state: str
    verdict: Verdict
    exit: int
    ad_hoc: bool
    targets: _containers.RepeatedScalarFieldContainer[str]
    phase: str
    left: _duration_pb2.Duration
    def __init__(self, run: _Optional[str] = ..., name: _Optional[str] = ..., environment: _Optional[str] = ..., started: _Optional[str] = ..., state: _Optional[str] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., exit: _Optional[int] = ..., ad_hoc: _Optional[bool] = ..., targets: _Optional[_Iterable[str]] = ..., phase: _Optional[str] = ..., left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class LeftOut(_message.Message):
    __slots__ = ("path", "line", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    line: int
    reason: str
    def __init__(self, path: _Optional[str] = ..., line: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("limit",)
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    limit: int
    def __init__(self, limit: _Optional[int] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "left_out")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunInfo]
    left_out: _containers.RepeatedCompositeFieldContainer[LeftOut]
    def __init__(self, runs: _Optional[_Iterable[_Union[RunInfo, _Mapping]]] = ..., left_out: _Optional[_Iterable[_Union[LeftOut, _Mapping]]] = ...) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HistoryResponse(_message.Message):
    __slots__ = ("runs", "left_out", "warnings")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedScalarFieldContainer[str]
    left_out: _containers.RepeatedCompositeFieldContainer[LeftOut]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, runs: _Optional[_Iterable[str]] = ..., left_out: _Optional[_Iterable[_Union[LeftOut, _Mapping]]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: str
    def __init__(self, run: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run", "reasons", "results", "hits", "recovery", "stopping")
    class HitsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    RUN_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    STOPPING_FIELD_NUMBER: _ClassVar[int]
    run: RunInfo
    reasons: _containers.RepeatedScalarFieldContainer[str]
    results: _containers.RepeatedCompositeFieldContainer[Result]
    hits: _containers.ScalarMap[str, int]
    recovery: _duration_pb2.Duration
    stopping: _duration_pb2.Duration
    def __init__(self, run: _Optional[_Union[RunInfo, _Mapping]] = ..., reasons: _Optional[_Iterable[str]] = ..., results: _Optional[_Iterable[_Union[Result, _Mapping]]] = ..., hits: _Optional[_Mapping[str, int]] = ..., recovery: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., stopping: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ("hypothesis", "phase", "outcome", "samples", "bad", "worst", "sentence", "good", "unanswered", "missing")
    HYPOTHESIS_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    BAD_FIELD_NUMBER: _ClassVar[int]
    WORST_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    GOOD_FIELD_NUMBER: _ClassVar[int]
    UNANSWERED_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    hypothesis: str
    phase: str
    outcome: str
    samples: int
    bad: int
    worst: float
    sentence: str
    good: int
    unanswered: int
    missing: int
    def __init__(self, hypothesis: _Optional[str] = ..., phase: _Optional[str] = ..., outcome: _Optional[str] = ..., samples: _Optional[int] = ..., bad: _Optional[int] = ..., worst: _Optional[float] = ..., sentence: _Optional[str] = ..., good: _Optional[int] = ..., unanswered: _Optional[int] = ..., missing: _Optional[int] = ...) -> None: ...

class ListTargetsRequest(_message.Message):
    __slots__ = ("environment", "edge")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    EDGE_FIELD_NUMBER: _ClassVar[int]
    environment: str
    edge: str
    def __init__(self, environment: _Optional[str] = ..., edge: _Optional[str] = ...) -> None: ...

class ListTargetsResponse(_message.Message):
    __slots__ = ("places",)
    PLACES_FIELD_NUMBER: _ClassVar[int]
    places: _containers.RepeatedCompositeFieldContainer[Place]
    def __init__(self, places: _Optional[_Iterable[_Union[Place, _Mapping]]] = ...) -> None: ...

class Place(_message.Message):
    __slots__ = ("where", "proxy", "edges", "trouble", "faults")
    WHERE_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    where: str
    proxy: str
    edges: _containers.RepeatedScalarFieldContainer[str]
    trouble: str
    faults: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, where: _Optional[str] = ..., proxy: _Optional[str] = ..., edges: _Optional[_Iterable[str]] = ..., trouble: _Optional[str] = ..., faults: _Optional[_Iterable[str]] = ...) -> None: ...

class BlastRadius(_message.Message):
    __slots__ = ("mode", "value")
    MODE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    mode: str
    value: int
    def __init__(self, mode: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...

class StartFaultsRequest(_message.Message):
    __slots__ = ("environment", "edges", "faults", "blast_radius", "duration", "lease", "seed", "because", "replay")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    EDGES_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    BLAST_RADIUS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    BECAUSE_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    environment: str
    edges: _containers.RepeatedScalarFieldContainer[str]
    faults: _containers.RepeatedCompositeFieldContainer[_proxy_pb2.Fault]
    blast_radius: BlastRadius
    duration: _duration_pb2.Duration
    lease: _duration_pb2.Duration
    seed: int
    because: str
    replay: str
    def __init__(self, environment: _Optional[str] = ..., edges: _Optional[_Iterable[str]] = ..., faults: _Optional[_Iterable[_Union[_proxy_pb2.Fault, _Mapping]]] = ..., blast_radius: _Optional[_Union[BlastRadius, _Mapping]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., seed: _Optional[int] = ..., because: _Optional[str] = ..., replay: _Optional[str] = ...) -> None: ...

class StartFaultsResponse(_message.Message):
    __slots__ = ("run", "targets")
    RUN_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    run: str
    targets: _containers.RepeatedCompositeFieldContainer[Target]
    def __init__(self, run: _Optional[str] = ..., targets: _Optional[_Iterable[_Union[Target, _Mapping]]] = ...) -> None: ...

class ListFaultsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListFaultsResponse(_message.Message):
    __slots__ = ("faults",)
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    faults: _containers.RepeatedCompositeFieldContainer[HeldFaults]
    def __init__(self, faults: _Optional[_Iterable[_Union[HeldFaults, _Mapping]]] = ...) -> None: ...

class HeldFaults(_message.Message):
    __slots__ = ("run", "environment", "faults", "targets", "left")
    RUN_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    run: str
    environment: str
    faults: _containers.RepeatedScalarFieldContainer[str]
    targets: _containers.RepeatedScalarFieldContainer[str]
    left: _duration_pb2.Duration
    def __init__(self, run: _Optional[str] = ..., environment: _Optional[str] = ..., faults: _Optional[_Iterable[str]] = ..., targets: _Optional[_Iterable[str]] = ..., left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class StopFaultsRequest(_message.Message):
    __slots__ = ("run", "why")
    RUN_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    run: str
    why: str
    def __init__(self, run: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class StopFaultsResponse(_message.Message):
    __slots__ = ("verdict", "reasons")
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    verdict: Verdict
    reasons: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, verdict: _Optional[_Union[Verdict, str]] = ..., reasons: _Optional[_Iterable[str]] = ...) -> None: ...
