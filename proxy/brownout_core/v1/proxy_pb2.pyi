import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_DOWNSTREAM: _ClassVar[Direction]
    DIRECTION_UPSTREAM: _ClassVar[Direction]
DIRECTION_UNSPECIFIED: Direction
DIRECTION_DOWNSTREAM: Direction
DIRECTION_UPSTREAM: Direction

class Proxy(_message.Message):
    __slots__ = ("name", "listen", "upstream", "enabled", "faults")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    listen: str
    upstream: str
    enabled: bool
    faults: _containers.RepeatedCompositeFieldContainer[ActiveFault]
    def __init__(self, name: _Optional[str] = ..., listen: _Optional[str] = ..., upstream: _Optional[str] = ..., enabled: _Optional[bool] = ..., faults: _Optional[_Iterable[_Union[ActiveFault, _Mapping]]] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("toxicity", "clients", "first", "every")
    TOXICITY_FIELD_NUMBER: _ClassVar[int]
    CLIENTS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    EVERY_FIELD_NUMBER: _ClassVar[int]
    toxicity: float
    clients: _containers.RepeatedScalarFieldContainer[str]
    first: int
    every: int
    def __init__(self, toxicity: _Optional[float] = ..., clients: _Optional[_Iterable[str]] = ..., first: _Optional[int] = ..., every: _Optional[int] = ...) -> None: ...

class Fault(_message.Message):
    __slots__ = ("name", "direction", "selection", "latency", "bandwidth", "slow_open", "slow_close", "timeout", "reset_peer", "cut", "slicer", "limit_data", "stall", "corrupt", "refuse", "noop")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    BANDWIDTH_FIELD_NUMBER: _ClassVar[int]
    SLOW_OPEN_FIELD_NUMBER: _ClassVar[int]
    SLOW_CLOSE_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RESET_PEER_FIELD_NUMBER: _ClassVar[int]
    CUT_FIELD_NUMBER: _ClassVar[int]
    SLICER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_DATA_FIELD_NUMBER: _ClassVar[int]
    STALL_FIELD_NUMBER: _ClassVar[int]
    CORRUPT_FIELD_NUMBER: _ClassVar[int]
    REFUSE_FIELD_NUMBER: _ClassVar[int]
    NOOP_FIELD_NUMBER: _ClassVar[int]
    name: str
    direction: Direction
    selection: Selection
    latency: Latency
    bandwidth: Bandwidth
    slow_open: SlowOpen
    slow_close: SlowClose
    timeout: Timeout
    reset_peer: ResetPeer
    cut: Cut
    slicer: Slicer
    limit_data: LimitData
    stall: Stall
    corrupt: Corrupt
    refuse: Refuse
    noop: Noop
    def __init__(self, name: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., latency: _Optional[_Union[Latency, _Mapping]] = ..., bandwidth: _Optional[_Union[Bandwidth, _Mapping]] = ..., slow_open: _Optional[_Union[SlowOpen, _Mapping]] = ..., slow_close: _Optional[_Union[SlowClose, _Mapping]] = ..., timeout: _Optional[_Union[Timeout, _Mapping]] = ..., reset_peer: _Optional[_Union[ResetPeer, _Mapping]] = ..., cut: _Optional[_Union[Cut, _Mapping]] = ..., slicer: _Optional[_Union[Slicer, _Mapping]] = ..., limit_data: _Optional[_Union[LimitData, _Mapping]] = ..., stall: _Optional[_Union[Stall, _Mapping]] = ..., corrupt: _Optional[_Union[Corrupt, _Mapping]] = ..., refuse: _Optional[_Union[Refuse, _Mapping]] = ..., noop: _Optional[_Union[Noop, _Mapping]] = ...) -> None: ...

class ActiveFault(_message.Message):
    __slots__ = ("fault", "lease")
    FAULT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    fault: Fault
    lease: str
    def __init__(self, fault: _Optional[_Union[Fault, _Mapping]] = ..., lease: _Optional[str] = ...) -> None: ...

class Latency(_message.Message):
    __slots__ = ("latency", "jitter", "distribution", "correlation", "segment")
    class Distribution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        DISTRIBUTION_UNSPECIFIED: _ClassVar[Latency.Distribution]
        DISTRIBUTION_UNIFORM: _ClassVar[Latency.Distribution]
        DISTRIBUTION_NORMAL: _ClassVar[Latency.Distribution]
        DISTRIBUTION_LOGNORMAL: _ClassVar[Latency.Distribution]
        DISTRIBUTION_PARETO: _ClassVar[Latency.Distribution]
    DISTRIBUTION_UNSPECIFIED: Latency.Distribution
    DISTRIBUTION_UNIFORM: Latency.Distribution
    DISTRIBUTION_NORMAL: Latency.Distribution
    DISTRIBUTION_LOGNORMAL: Latency.Distribution
    DISTRIBUTION_PARETO: Latency.Distribution
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    DISTRIBUTION_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    latency: float
    jitter: float
    distribution: Latency.Distribution
    correlation: float
    segment: int
    def __init__(self, latency: _Optional[float] = ..., jitter: _Optional[float] = ..., distribution: _Optional[_Union[Latency.Distribution, str]] = ..., correlation: _Optional[float] = ..., segment: _Optional[int] = ...) -> None: ...

class Bandwidth(_message.Message):
    __slots__ = ("rate", "scope")
    class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SCOPE_UNSPECIFIED: _ClassVar[Bandwidth.Scope]
        SCOPE_CONNECTION: _ClassVar[Bandwidth.Scope]
        SCOPE_PROXY: _ClassVar[Bandwidth.Scope]
    SCOPE_UNSPECIFIED: Bandwidth.Scope
    SCOPE_CONNECTION: Bandwidth.Scope
    SCOPE_PROXY: Bandwidth.Scope
    RATE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    rate: float
    scope: Bandwidth.Scope
    def __init__(self, rate: _Optional[float] = ..., scope: _Optional[_Union[Bandwidth.Scope, str]] = ...) -> None: ...

class SlowOpen(_message.Message):
    __slots__ = ("delay",)
    DELAY_FIELD_NUMBER: _ClassVar[int]
    delay: float
    def __init__(self, delay: _Optional[float] = ...) -> None: ...

class SlowClose(_message.Message):
    __slots__ = ("delay",)
    DELAY_FIELD_NUMBER: _ClassVar[int]
    delay: float
    def __init__(self, delay: _Optional[float] = ...) -> None: ...

class Timeout(_message.Message):
    __slots__ = ("timeout",)
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    timeout: float
    def __init__(self, timeout: _Optional[float] = ...) -> None: ...

class ResetPeer(_message.Message):
    __slots__ = ("timeout",)
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    timeout: float
    def __init__(self, timeout: _Optional[float] = ...) -> None: ...

class Cut(_message.Message):
    __slots__ = ("after",)
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: float
    def __init__(self, after: _Optional[float] = ...) -> None: ...

class Slicer(_message.Message):
    __slots__ = ("average_size", "size_variation", "delay")
    AVERAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    SIZE_VARIATION_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    average_size: int
    size_variation: int
    delay: float
    def __init__(self, average_size: _Optional[int] = ..., size_variation: _Optional[int] = ..., delay: _Optional[float] = ...) -> None: ...

class LimitData(_message.Message):
    __slots__ = ("bytes",)
    BYTES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    def __init__(self, bytes: _Optional[int] = ...) -> None: ...

class Stall(_message.Message):
    __slots__ = ("probability", "correlation", "duration", "segment")
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    probability: float
    correlation: float
    duration: float
    segment: int
    def __init__(self, probability: _Optional[float] = ..., correlation: _Optional[float] = ..., duration: _Optional[float] = ..., segment: _Optional[int] = ...) -> None: ...

class Corrupt(_message.Message):
    __slots__ = ("probability", "segment")
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    probability: float
    segment: int
    def __init__(self, probability: _Optional[float] = ..., segment: _Optional[int] = ...) -> None: ...

class Refuse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Noop(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProxiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProxiesResponse(_message.Message):
    __slots__ = ("proxies", "version", "seed", "instance")
    PROXIES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    proxies: _containers.RepeatedCompositeFieldContainer[Proxy]
    version: str
    seed: int
    instance: str
    def __init__(self, proxies: _Optional[_Iterable[_Union[Proxy, _Mapping]]] = ..., version: _Optional[str] = ..., seed: _Optional[int] = ..., instance: _Optional[str] = ...) -> None: ...

class CreateProxyRequest(_message.Message):
    __slots__ = ("name", "listen", "upstream", "enabled", "faults")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    listen: str
    upstream: str
    enabled: bool
    faults: _containers.RepeatedCompositeFieldContainer[Fault]
    def __init__(self, name: _Optional[str] = ..., listen: _Optional[str] = ..., upstream: _Optional[str] = ..., enabled: _Optional[bool] = ..., faults: _Optional[_Iterable[_Union[Fault, _Mapping]]] = ...) -> None: ...

class CreateProxyResponse(_message.Message):
    __slots__ = ("proxy",)
    PROXY_FIELD_NUMBER: _ClassVar[int]
    proxy: Proxy
    def __init__(self, proxy: _Optional[_Union[Proxy, _Mapping]] = ...) -> None: ...

class UpdateProxyRequest(_message.Message):
    __slots__ = ("name", "listen", "upstream", "enabled", "lease", "force")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    listen: str
    upstream: str
    enabled: bool
    lease: str
    force: bool
    def __init__(self, name: _Optional[str] = ..., listen: _Optional[str] = ..., upstream: _Optional[str] = ..., enabled: _Optional[bool] = ..., lease: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class UpdateProxyResponse(_message.Message):
    __slots__ = ("proxy",)
    PROXY_FIELD_NUMBER: _ClassVar[int]
    proxy: Proxy
    def __init__(self, proxy: _Optional[_Union[Proxy, _Mapping]] = ...) -> None: ...

class DeleteProxyRequest(_message.Message):
    __slots__ = ("name", "lease", "force")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    lease: str
    force: bool
    def __init__(self, name: _Optional[str] = ..., lease: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class DeleteProxyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Lease(_message.Message):
    __slots__ = ("id", "ttl")
    ID_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    id: str
    ttl: _duration_pb2.Duration
    def __init__(self, id: _Optional[str] = ..., ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AddFaultRequest(_message.Message):
    __slots__ = ("proxy", "fault", "lease")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    fault: Fault
    lease: Lease
    def __init__(self, proxy: _Optional[str] = ..., fault: _Optional[_Union[Fault, _Mapping]] = ..., lease: _Optional[_Union[Lease, _Mapping]] = ...) -> None: ...

class AddFaultResponse(_message.Message):
    __slots__ = ("fault",)
    FAULT_FIELD_NUMBER: _ClassVar[int]
    fault: ActiveFault
    def __init__(self, fault: _Optional[_Union[ActiveFault, _Mapping]] = ...) -> None: ...

class UpdateFaultRequest(_message.Message):
    __slots__ = ("proxy", "fault", "lease", "force")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    fault: Fault
    lease: str
    force: bool
    def __init__(self, proxy: _Optional[str] = ..., fault: _Optional[_Union[Fault, _Mapping]] = ..., lease: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class UpdateFaultResponse(_message.Message):
    __slots__ = ("fault",)
    FAULT_FIELD_NUMBER: _ClassVar[int]
    fault: ActiveFault
    def __init__(self, fault: _Optional[_Union[ActiveFault, _Mapping]] = ...) -> None: ...

class RemoveFaultRequest(_message.Message):
    __slots__ = ("proxy", "name", "lease", "force")
    PROXY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    proxy: str
    name: str
    lease: str
    force: bool
    def __init__(self, proxy: _Optional[str] = ..., name: _Optional[str] = ..., lease: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class RemoveFaultResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class RenewLeaseResponse(_message.Message):
    __slots__ = ("ttl",)
    TTL_FIELD_NUMBER: _ClassVar[int]
    ttl: _duration_pb2.Duration
    def __init__(self, ttl: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ReleaseLeaseRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ReleaseLeaseResponse(_message.Message):
    __slots__ = ("removed",)
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: int
    def __init__(self, removed: _Optional[int] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ("lease", "force")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    lease: str
    force: bool
    def __init__(self, lease: _Optional[str] = ..., force: _Optional[bool] = ...) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchRequest(_message.Message):
    __slots__ = ("proxies", "interval", "without_connections")
    PROXIES_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    proxies: _containers.RepeatedScalarFieldContainer[str]
    interval: _duration_pb2.Duration
    without_connections: bool
    def __init__(self, proxies: _Optional[_Iterable[str]] = ..., interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., without_connections: _Optional[bool] = ...) -> None: ...

class WatchResponse(_message.Message):
    __slots__ = ("at", "proxies", "events", "events_lost", "instance", "uptime", "longest_stall")
    AT_FIELD_NUMBER: _ClassVar[int]
    PROXIES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_LOST_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    LONGEST_STALL_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    proxies: _containers.RepeatedCompositeFieldContainer[ProxyCounters]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    events_lost: int
    instance: str
    uptime: _duration_pb2.Duration
    longest_stall: _duration_pb2.Duration
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., proxies: _Optional[_Iterable[_Union[ProxyCounters, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., events_lost: _Optional[int] = ..., instance: _Optional[str] = ..., uptime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., longest_stall: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ProxyCounters(_message.Message):
    __slots__ = ("name", "enabled", "connections_live", "connections_accepted", "dial_failures", "received_upstream", "sent_upstream", "received_downstream", "sent_downstream", "faults", "listen", "upstream", "exchanges", "injected_delay", "connections_reset", "connections_ended_by_fault")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_LIVE_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DIAL_FAILURES_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    SENT_UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_DOWNSTREAM_FIELD_NUMBER: _ClassVar[int]
    SENT_DOWNSTREAM_FIELD_NUMBER: _ClassVar[int]
    FAULTS_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_FIELD_NUMBER: _ClassVar[int]
    EXCHANGES_FIELD_NUMBER: _ClassVar[int]
    INJECTED_DELAY_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_RESET_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_ENDED_BY_FAULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    enabled: bool
    connections_live: int
    connections_accepted: int
    dial_failures: int
    received_upstream: int
    sent_upstream: int
    received_downstream: int
    sent_downstream: int
    faults: _containers.RepeatedCompositeFieldContainer[FaultCounters]
    listen: str
    upstream: str
    exchanges: int
    injected_delay: float
    connections_reset: int
    connections_ended_by_fault: int
    def __init__(self, name: _Optional[str] = ..., enabled: _Optional[bool] = ..., connections_live: _Optional[int] = ..., connections_accepted: _Optional[int] = ..., dial_failures: _Optional[int] = ..., received_upstream: _Optional[int] = ..., sent_upstream: _Optional[int] = ..., received_downstream: _Optional[int] = ..., sent_downstream: _Optional[int] = ..., faults: _Optional[_Iterable[_Union[FaultCounters, _Mapping]]] = ..., listen: _Optional[str] = ..., upstream: _Optional[str] = ..., exchanges: _Optional[int] = ..., injected_delay: _Optional[float] = ..., connections_reset: _Optional[int] = ..., connections_ended_by_fault: _Optional[int] = ...) -> None: ...

class FaultCounters(_message.Message):
    __slots__ = ("name", "kind", "hits", "connections", "lease", "fault", "first_left", "exchanges")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    FIRST_LEFT_FIELD_NUMBER: _ClassVar[int]
    EXCHANGES_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    hits: int
    connections: int
    lease: str
    fault: Fault
    first_left: int
    exchanges: int
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., hits: _Optional[int] = ..., connections: _Optional[int] = ..., lease: _Optional[str] = ..., fault: _Optional[_Union[Fault, _Mapping]] = ..., first_left: _Optional[int] = ..., exchanges: _Optional[int] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("at", "proxy", "fault_added", "fault_removed", "connection_ended")
    AT_FIELD_NUMBER: _ClassVar[int]
    PROXY_FIELD_NUMBER: _ClassVar[int]
    FAULT_ADDED_FIELD_NUMBER: _ClassVar[int]
    FAULT_REMOVED_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_ENDED_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    proxy: str
    fault_added: FaultAdded
    fault_removed: FaultRemoved
    connection_ended: ConnectionEnded
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., proxy: _Optional[str] = ..., fault_added: _Optional[_Union[FaultAdded, _Mapping]] = ..., fault_removed: _Optional[_Union[FaultRemoved, _Mapping]] = ..., connection_ended: _Optional[_Union[ConnectionEnded, _Mapping]] = ...) -> None: ...

class FaultAdded(_message.Message):
    __slots__ = ("name", "lease")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    name: str
    lease: str
    def __init__(self, name: _Optional[str] = ..., lease: _Optional[str] = ...) -> None: ...

class FaultRemoved(_message.Message):
    __slots__ = ("name", "lease", "reason", "hits", "connections")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[FaultRemoved.Reason]
        REASON_REMOVED: _ClassVar[FaultRemoved.Reason]
        REASON_LAPSED: _ClassVar[FaultRemoved.Reason]
        REASON_RELEASED: _ClassVar[FaultRemoved.Reason]
    REASON_UNSPECIFIED: FaultRemoved.Reason
    REASON_REMOVED: FaultRemoved.Reason
    REASON_LAPSED: FaultRemoved.Reason
    REASON_RELEASED: FaultRemoved.Reason
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    lease: str
    reason: FaultRemoved.Reason
    hits: int
    connections: int
    def __init__(self, name: _Optional[str] = ..., lease: _Optional[str] = ..., reason: _Optional[_Union[FaultRemoved.Reason, str]] = ..., hits: _Optional[int] = ..., connections: _Optional[int] = ...) -> None: ...

class ConnectionEnded(_message.Message):
    __slots__ = ("ordinal", "outcome", "duration")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[ConnectionEnded.Outcome]
        OUTCOME_CLOSED: _ClassVar[ConnectionEnded.Outcome]
        OUTCOME_RESET: _ClassVar[ConnectionEnded.Outcome]
        OUTCOME_DIAL_FAILED: _ClassVar[ConnectionEnded.Outcome]
        OUTCOME_FAULT: _ClassVar[ConnectionEnded.Outcome]
        OUTCOME_STOPPED: _ClassVar[ConnectionEnded.Outcome]
    OUTCOME_UNSPECIFIED: ConnectionEnded.Outcome
    OUTCOME_CLOSED: ConnectionEnded.Outcome
    OUTCOME_RESET: ConnectionEnded.Outcome
    OUTCOME_DIAL_FAILED: ConnectionEnded.Outcome
    OUTCOME_FAULT: ConnectionEnded.Outcome
    OUTCOME_STOPPED: ConnectionEnded.Outcome
    ORDINAL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ordinal: int
    outcome: ConnectionEnded.Outcome
    duration: _duration_pb2.Duration
    def __init__(self, ordinal: _Optional[int] = ..., outcome: _Optional[_Union[ConnectionEnded.Outcome, str]] = ..., duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
