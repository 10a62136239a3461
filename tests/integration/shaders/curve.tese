#version 450
layout(triangles, equal_spacing, ccw) in;
layout(location = 0) in vec4 control_color[];
layout(location = 0) out vec4 color;

void main()
{
	vec3 at = gl_TessCoord;
	vec4 position = gl_in[0].gl_Position * at.x + gl_in[1].gl_Position * at.y +
			gl_in[2].gl_Position * at.z;
	position.xy *= 1.0 + 0.3 * (at.x * at.y + at.y * at.z + at.z * at.x);
	gl_Position = position;
	color = control_color[0] * at.x + control_color[1] * at.y + control_color[2] * at.z;
}
