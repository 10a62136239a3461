#version 450
// Position and colour from a vertex buffer; an offset and a scale from a buffer stepped by instance.
layout(location = 0) in vec3 position;
layout(location = 1) in vec4 vertex_color;
layout(location = 2) in vec4 place;
layout(location = 0) out vec4 color;

void main()
{
	gl_Position = vec4(position.xy * place.w + place.xy, position.z + place.z, 1.0);
	gl_PointSize = 3.0;
	color = vertex_color;
}
