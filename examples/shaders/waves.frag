#version 450
// One lamp, and a haze with the distance from the middle.
layout(location = 0) in vec3 normal;
layout(location = 1) in vec3 place;
layout(location = 2) in vec3 tint;
layout(location = 0) out vec4 color;

void main()
{
	vec3 lamp = normalize(vec3(0.7, 1.6, -0.4) - place);
	float light = 0.25 + 0.75 * max(dot(normal, lamp), 0.0);
	float foot = smoothstep(-0.25, 0.2, place.y);
	float haze = smoothstep(0.7, 1.45, length(place.xz));

	color = vec4(mix(tint * light * (0.35 + 0.65 * foot), vec3(0.1, 0.2, 0.3), haze), 1.0);
}
