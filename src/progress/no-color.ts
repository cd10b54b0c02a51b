/**
Whether `$NO_COLOR` asks for text without colours.

@see https://no-color.org
*/
export function isColorRefused({NO_COLOR = ''}: Readonly<Record<string, string | undefined>>): boolean {
	return NO_COLOR !== '';
}
