import {examineMachine} from '../doctor/examine-machine.ts';
import {TsbuildError} from '../kernel/errors.ts';
import {localStoreDirectory} from '../local-store.ts';
import {isColorRefused} from '../progress/no-color.ts';
import {needsUserNamespace} from '../rootless/needs-user-namespace.ts';
import type {Command, CommandContext} from './command.ts';
import {formatFinding, formatVerdict} from './doctor-report.ts';
import {parseFlags, type FlagDefinitions} from './flag-parser.ts';
import {formatCommandHelp, type CommandDescription} from './help.ts';
import {rootFlag} from './open-store.ts';
import {formatJsonLines, readFormat} from './output-format.ts';
import {checkArgumentCount} from './positional.ts';

const doctorFlags = {
	format: {type: 'string', valueName: 'string', description: 'Format the output ("table", "json") (default "table")'},
	help: {type: 'boolean', shorthand: 'h', description: 'help for doctor'},
	root: rootFlag,
} as const satisfies FlagDefinitions;

export const doctorDescription: CommandDescription = {
	summary: `Check whether builds can run on this machine

What can be tried is tried: system calls, namespaces, the store, a step. For each fault
it says what to do.`,
	usage: 'tsbuild doctor [OPTIONS]',
	flags: doctorFlags,
};

/** `tsbuild doctor`: 0 when a build can run here, 1 when not. */
export const doctorCommand: Command = async (args, context) => {
	const {flags, positional} = parseFlags(args, doctorFlags);
	const {environment, writeOutput, isOutputTerminal, signal} = context;
	if (flags.help) {
		writeOutput(formatCommandHelp(doctorDescription));
		return 0;
	}

	checkArgumentCount(positional, {minimum: 0, maximum: 0, usage: doctorDescription.usage});
	const format = readFormat(flags.format, ['table', 'json']);
	const isColored = isOutputTerminal && !isColorRefused(environment);
	const refusal = needsUserNamespace() ? await examineInUserNamespace(context) : undefined;
	if (typeof refusal === 'number') {
		return refusal;
	}

	const findings = [];
	const patient = {root: localStoreDirectory(flags.root, environment), environment, ...(refusal !== undefined && {refusal})};
	for await (const finding of examineMachine(patient, signal)) {
		findings.push(finding);
		writeOutput(format === 'json' ? formatJsonLines([finding]) : formatFinding(finding, {isColored}));
	}

	if (format === 'table') {
		writeOutput(formatVerdict(findings));
	}

	return findings.some(({status}) => status === 'fault') ? 1 : 0;
};

/** Lets the whole command run where an ordinary user's builds do; the exit code, or why there is no such place. */
async function examineInUserNamespace({environment}: CommandContext): Promise<number | TsbuildError> {
	const {runInUserNamespace} = await import('../rootless/run-in-user-namespace.ts');
	try {
		return await runInUserNamespace({...environment, TSBUILD_ROOT: localStoreDirectory(undefined, environment)});
	} catch (error) {
		if (error instanceof TsbuildError) {
			return error;
		}

		throw error;
	}
}
