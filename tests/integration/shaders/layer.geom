#version 450
// Send every triangle to each of four layers.
layout(triangles, invocations = 4) in;
layout(triangle_strip, max_vertices = 3) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 result_color;

void main()
{
	for (int i = 0; i < 3; i++) {
		gl_Position = gl_in[i].gl_Position * vec4(vec2(0.25 * (gl_InvocationID + 1)), 1.0, 1.0);
		gl_Layer = gl_InvocationID;
		result_color = color[i];
		EmitVertex();
	}
	EndPrimitive();
}
