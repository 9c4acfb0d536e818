"""The services' contract as the servers themselves describe it (grpc.reflection.v1alpha). No .proto file is compiled.

Only the messages of the reflection service must be known in advance. Their few fields are written out here.
"""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
REFLECTION = "grpc.reflection.v1alpha"


def _reflection_messages():
    """ServerReflectionRequest and ServerReflectionResponse, as far as they are needed here."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection_subset.proto", package=REFLECTION, syntax="proto3")

    def message(name, *fields):
        added = file.message_type.add(name=name)
        for number, field, kind, label, type_name in fields:
            added.field.add(number=number, name=field, type=kind, label=label, type_name=type_name)

    one, many = FIELD.LABEL_OPTIONAL, FIELD.LABEL_REPEATED
    message("ServiceResponse", (1, "name", FIELD.TYPE_STRING, one, None))
    message("ListServiceResponse", (1, "service", FIELD.TYPE_MESSAGE, many, f".{REFLECTION}.ServiceResponse"))
    message("FileDescriptorResponse", (1, "file_descriptor_proto", FIELD.TYPE_BYTES, many, None))
    message(
        "ErrorResponse",
        (1, "error_code", FIELD.TYPE_INT32, one, None),
        (2, "error_message", FIELD.TYPE_STRING, one, None),
    )
    message(
        "ServerReflectionRequest",
        (4, "file_containing_symbol", FIELD.TYPE_STRING, one, None),
        (7, "list_services", FIELD.TYPE_STRING, one, None),
    )
    message(
        "ServerReflectionResponse",
        (4, "file_descriptor_response", FIELD.TYPE_MESSAGE, one, f".{REFLECTION}.FileDescriptorResponse"),
        (6, "list_services_response", FIELD.TYPE_MESSAGE, one, f".{REFLECTION}.ListServiceResponse"),
        (7, "error_response", FIELD.TYPE_MESSAGE, one, f".{REFLECTION}.ErrorResponse"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [
        factory.GetPrototype(pool.FindMessageTypeByName(f"{REFLECTION}.{name}"))
        for name in ("ServerReflectionRequest", "ServerReflectionResponse")
    ]


class Reflected:
    """A channel to a server, with the messages and methods of the services that the server reports."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self._request, response = _reflection_messages()
        self._reflect = self.channel.stream_stream(
            f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        self._pool = descriptor_pool.DescriptorPool()
        self._added = set()
        self._factory = message_factory.MessageFactory(self._pool)
        self.services = sorted(s.name for s in self._ask(list_services="*").list_services_response.service)
        for service in self.services:
            if not service.startswith("grpc.reflection."):
                self._add(self._ask(file_containing_symbol=service))

    def message(self, name):
        """The class of a message."""
        return self._factory.GetPrototype(self._pool.FindMessageTypeByName(name))

    def call(self, method, request, token=None, timeout=20):
        """Calls a unary or server-streaming method, such as auctions.v1.BiddingService/PlaceBid.

        The request is a dictionary of its fields.
        """
        service, name = method.split("/")
        described = self._pool.FindServiceByName(service).FindMethodByName(name)
        proto = descriptor_pb2.MethodDescriptorProto()
        described.CopyToProto(proto)
        kind = self.channel.unary_stream if proto.server_streaming else self.channel.unary_unary
        send = kind(
            f"/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=self._factory.GetPrototype(described.output_type).FromString,
        )
        metadata = [("authorization", f"Bearer {token}")] if token else []
        return send(self._factory.GetPrototype(described.input_type)(**request), metadata=metadata, timeout=timeout)

    def _ask(self, **question):
        answer = next(iter(self._reflect(iter([self._request(**question)]), timeout=10)))
        if answer.HasField("error_response"):
            raise LookupError(f"{question}: {answer.error_response.error_message}")
        return answer

    def _add(self, answer):
        """Adds each file after its imports. The server sends these imports in the same answer."""
        files = {}
        for raw in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(raw)
            files[file.name] = file

        def add(name):
            if name in self._added:
                return
            if name not in files:
                raise LookupError(f"the server sent no file {name}, which another imports")
            for imported in files[name].dependency:
                add(imported)
            self._added.add(name)
            self._pool.Add(files[name])

        for name in files:
            add(name)
