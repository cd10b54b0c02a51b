/** What a step wrote, as plain progress shows it: the one of that number, the one whose name holds a text, or the last that wrote anything. */
export function stepOutput(stderr: string, step?: number | string): string {
	const lines = stderr.matchAll(/^#(?<number>\d+) (?<time>\d+\.\d+) (?<text>.*)$/gmv).map(({groups}) => groups as {readonly number: string; readonly text: string}).toArray();
	const number = typeof step === 'string' ? numberOf(stderr, step) : String(step ?? lines.at(-1)?.number);
	return lines.filter(line => line.number === number).map(({text}) => `${text}\n`).join('');
}

function numberOf(stderr: string, name: string): string | undefined {
	const header = stderr.split('\n').find(line => /^#\d+ \[/v.test(line) && line.includes(name));
	return /^#(?<number>\d+)/v.exec(header ?? '')?.groups?.number;
}
