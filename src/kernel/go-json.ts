// Go escapes these so that JSON can stand in HTML: https://pkg.go.dev/encoding/json#HTMLEscape
const htmlEscapes: Readonly<Record<string, string>> = {
	'<': String.raw`\u003c`,
	'>': String.raw`\u003e`,
	'&': String.raw`\u0026`,
	'\u{2028}': String.raw`\u2028`,
	'\u{2029}': String.raw`\u2029`,
};

/** JSON to the byte as Go's encoding/json writes it; the fields stand in their order. */
export function stringifyAsGo(value: unknown, indent?: string): string {
	return JSON.stringify(value, undefined, indent).replaceAll(/[&<>\u{2028}\u{2029}]/gv, character => htmlEscapes[character]!);
}
