#version 450
// A field of cubes, one per instance, that rise and sink with two waves; seen by a camera on an orbit.
layout(push_constant) uniform Frame {
	float time;   // turns: 0 to 1
	float aspect; // width / height
	int side;     // cubes along an edge
};
layout(location = 0) out vec3 normal;
layout(location = 1) out vec3 place;
layout(location = 2) out vec3 tint;

const float TURN = 6.2831853;
const vec3 NORMALS[6] = vec3[](vec3(1, 0, 0), vec3(-1, 0, 0), vec3(0, 1, 0), vec3(0, -1, 0),
			       vec3(0, 0, 1), vec3(0, 0, -1));
const vec2 CORNERS[6] = vec2[](vec2(-1, -1), vec2(1, -1), vec2(1, 1), vec2(-1, -1), vec2(1, 1),
			       vec2(-1, 1));

vec4 project(vec3 point)
{
	float angle = TURN * (time * 0.25 + 0.1);
	vec3 eye = vec3(cos(angle) * 1.5, 1.05, sin(angle) * 1.5);
	vec3 ahead = normalize(-eye - vec3(0.0, 0.2, 0.0));
	vec3 right = normalize(cross(ahead, vec3(0, 1, 0)));
	vec3 up = cross(right, ahead);
	vec3 seen = point - eye;
	float depth = dot(seen, ahead);
	const float NEAR = 0.1, FAR = 6.0, ZOOM = 1.7;

	return vec4(dot(seen, right) * ZOOM / aspect, -dot(seen, up) * ZOOM,
		    (depth - NEAR) * FAR / (FAR - NEAR), depth);
}

void main()
{
	normal = NORMALS[gl_VertexIndex / 6];
	vec3 across = normal.yzx;
	vec3 along = normal.zxy;
	vec2 corner = CORNERS[gl_VertexIndex % 6];
	vec3 cube = normal + across * corner.x + along * corner.y;

	vec2 cell = (vec2(gl_InstanceIndex % side, gl_InstanceIndex / side) + 0.5) / side * 2.0 - 1.0;
	float wave = sin(TURN * (length(cell - vec2(0.35, -0.2)) * 1.6 - time)) * 0.5 +
		     sin(TURN * (length(cell + vec2(0.6, -0.5)) * 1.1 + time * 2.0)) * 0.3;
	float height = 0.12 + 0.1 * wave;
	vec3 size = vec3(0.82 / side, height, 0.82 / side);

	place = vec3(cell.x, 0.0, cell.y) + cube * size;
	tint = mix(vec3(0.02, 0.1, 0.35), vec3(0.1, 0.75, 0.65), smoothstep(-0.6, 0.3, wave));
	tint = mix(tint, vec3(1.0, 0.75, 0.25), smoothstep(0.35, 0.8, wave));
	gl_Position = project(place);
}
