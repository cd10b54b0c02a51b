const trueWords = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/**
Reads a boolean as Go does; `undefined` when it is none.

@see https://pkg.go.dev/strconv#ParseBool
*/
export function parseGoBoolean(text: string): boolean | undefined {
	if (trueWords.has(text)) {
		return true;
	}

	return falseWords.has(text) ? false : undefined;
}
