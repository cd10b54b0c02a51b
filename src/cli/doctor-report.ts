import type {Finding} from '../doctor/finding.ts';

// https://ecma-international.org/publications-and-standards/standards/ecma-48/ (8.3.117)
const colorOf: Readonly<Record<Finding['status'], string>> = {ok: '32', warning: '33', fault: '31'};

const statusWidth = 'warning'.length;
const topicWidth = 'credentials'.length;
const indentation = ' '.repeat(statusWidth + topicWidth + 4);

export type DoctorReportOptions = {
	/** Whether the words are coloured, for a terminal. */
	readonly isColored: boolean;
};

/** A line for a finding, and one below it that says what to do, if something is. */
export function formatFinding(finding: Finding, {isColored}: DoctorReportOptions): string {
	const {status, topic, summary} = finding;
	const word = status.padEnd(statusWidth);
	const line = `${isColored ? `\u{1B}[${colorOf[status]}m${word}\u{1B}[0m` : word}  ${topic.padEnd(topicWidth)}  ${oneLine(summary)}\n`;
	return finding.status === 'ok' ? line : `${line}${indentation}${oneLine(finding.advice)}\n`;
}

/** The last line: whether a build can run. */
export function formatVerdict(findings: readonly Finding[]): string {
	const count = (status: Finding['status']) => findings.filter(finding => finding.status === status).length;
	const [faults, warnings] = [count('fault'), count('warning')];
	const counts = [
		...(faults === 0 ? [] : [`${faults} fault${faults === 1 ? '' : 's'}`]),
		...(warnings === 0 ? [] : [`${warnings} warning${warnings === 1 ? '' : 's'}`]),
	];
	return `\nA build ${faults === 0 ? 'can' : 'cannot'} run here${counts.length === 0 ? '' : `: ${counts.join(', ')}`}.\n`;
}

/** What the system says may hold anything, such as the name of a directory. */
function oneLine(text: string): string {
	return text.replaceAll(/\p{Control}+/gv, ' ');
}
