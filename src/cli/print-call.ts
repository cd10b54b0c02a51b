import type {CallResult} from '../build/call.ts';
import type {CallOption} from './call-option.ts';
import {formatCheckJson, formatCheckProblem, formatCheckText} from './check-report.ts';
import type {CommandContext} from './command.ts';
import {formatMethodsJson, formatMethodsText} from './method-report.ts';
import {
	formatOutlineJson,
	formatOutlineText,
	formatTargetsJson,
	formatTargetsText,
} from './outline-report.ts';

/** How an answer is printed: `path` is the Dockerfile's as it stands in front of excerpts. */
export type PrintCallOptions = CallOption & {readonly path: string};

type Streams = Pick<CommandContext, 'writeOutput' | 'writeError'>;

/**
Prints what was asked about a Dockerfile, in the words of buildx.

@returns the exit code: 1 when checks found something
*/
export function printCall(result: CallResult, options: PrintCallOptions, {writeOutput, writeError}: Streams): number {
	const {isJson} = options;
	const {content} = result.file;
	switch (result.type) {
		case 'check': {
			return printCheck(result, options, {writeOutput, writeError});
		}

		case 'outline': {
			writeOutput(isJson ? formatOutlineJson(result.outline, content) : formatOutlineText(result.outline));
			return 0;
		}

		case 'targets': {
			writeOutput(isJson ? formatTargetsJson(result.targets, content) : formatTargetsText(result.targets));
			return 0;
		}

		case 'methods': {
			writeOutput(isJson ? formatMethodsJson() : formatMethodsText());
			return 0;
		}
	}
}

function printCheck({check, file}: CallResult & {readonly type: 'check'}, {isJson, isStatusIgnored, path}: PrintCallOptions, {writeOutput, writeError}: Streams): number {
	writeOutput(isJson ? formatCheckJson(check, file) : formatCheckText(check, {path, content: file.content}));
	if (check.problem !== undefined) {
		writeError(formatCheckProblem(check.problem, {path, content: file.content}));
		return 1;
	}

	return isStatusIgnored || check.warnings.length === 0 ? 0 : 1;
}
