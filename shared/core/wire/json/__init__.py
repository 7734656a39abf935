"""JSON of any shape, and the masking of its secrets.

Bytes or texts of JSON enter, parsed values and descriptions of files leave.

    json_shape        reads JSON of any shape; an unexpected type reads as empty
    typed_json        reads a dataclass from JSON and checks every field
    json_members      finds the top-level members of an object without parsing their values
    usage_object      recognises the upstream's figures of usage
    reported_error    whether a document or an event reports an error, and which
    masking           masks secrets, and replaces files by their descriptions
    embedded_file     describes files in Base64 by type, size and hash

`json_members` raises if a document is not an object, `typed_json` if a field is not as declared;
the others read any shape. It imports steps and shared.errors.
"""
