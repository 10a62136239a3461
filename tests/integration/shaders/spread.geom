#version 450
// Three small triangles out of one.
layout(triangles) in;
layout(triangle_strip, max_vertices = 9) out;
layout(location = 0) in vec4 color[];
layout(location = 0) out vec4 result_color;

void main()
{
	for (int copy = 0; copy < 3; copy++) {
		for (int i = 0; i < 3; i++) {
			gl_Position = gl_in[i].gl_Position;
			gl_Position.xy = gl_Position.xy * 0.4 + vec2(copy - 1, copy - 1) * 0.5;
			result_color = color[i].brga;
			EmitVertex();
		}
		EndPrimitive();
	}
}
