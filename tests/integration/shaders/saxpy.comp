#version 450
// y = a * x + y, four elements an invocation.
layout(local_size_x = 256) in;
layout(binding = 0) readonly buffer X { vec4 x[]; };
layout(binding = 1) buffer Y { vec4 y[]; };
layout(push_constant) uniform Push { float a; uint count; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	if (i < count) {
		y[i] = a * x[i] + y[i];
	}
}
