/**
How a server wants to be told who asks.

@see https://www.rfc-editor.org/rfc/rfc9110#name-www-authenticate
*/
export type Challenge = {
	/** In lower case: `basic`, `bearer`. */
	readonly scheme: string;
	/** Names in lower case. */
	readonly parameters: Readonly<Record<string, string>>;
};

// https://www.rfc-editor.org/rfc/rfc9110#name-tokens
const token = String.raw`[\w!#$%&'*+\-.^\u{60}\|~]+`;
const parameterRegExp = new RegExp(String.raw`^\s*(?<name>${token})\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<bare>[^\s",]+))\s*(?:,|$)`, 'v');
const schemeRegExp = new RegExp(String.raw`^[\s,]*(?<scheme>${token})(?:\s+|$|(?=,))`, 'v');

/**
Reads the value of `WWW-Authenticate`: one challenge or several. What cannot be understood ends the list.
*/
export function parseChallenges(header: string): readonly Challenge[] {
	const challenges: Challenge[] = [];
	let rest = header;
	for (let match = schemeRegExp.exec(rest); match !== null; match = schemeRegExp.exec(rest)) {
		const read = readParameters(rest.slice(match[0].length));
		challenges.push({scheme: match.groups!.scheme!.toLowerCase(), parameters: read.parameters});
		rest = read.rest;
	}

	return challenges;
}

function readParameters(text: string): {readonly parameters: Challenge['parameters']; readonly rest: string} {
	const parameters = new Map<string, string>();
	let rest = text;
	for (let match = parameterRegExp.exec(rest); match !== null; match = parameterRegExp.exec(rest)) {
		const {name = '', quoted, bare = ''} = match.groups!;
		parameters.set(name.toLowerCase(), quoted === undefined ? bare : quoted.replaceAll(/\\(?<character>.)/gv, '$<character>'));
		rest = rest.slice(match[0].length);
	}

	return {parameters: Object.fromEntries(parameters), rest};
}
