#version 450
// Walk a list through device addresses.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
layout(local_size_x = 1) in;
layout(buffer_reference) buffer Node;
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Node {
	Node next;
	uint value;
	uint visited;
};
layout(buffer_reference, std430) buffer Result { uint words[]; };
layout(push_constant) uniform Push { Node first; Result result; uint count; };

void main()
{
	Node node = first;
	for (uint i = 0; i < count; i++) {
		result.words[i] = node.value;
		node.visited = i + 1;
		node = node.next;
	}
}
