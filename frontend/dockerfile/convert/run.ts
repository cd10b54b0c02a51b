import type {ExecMount} from '../../../src/definition/operations.ts';
import {heredocText, parseHeredocWord} from '../heredoc.ts';
import type {RunInstruction} from '../instructions.ts';
import {cleanPath} from '../paths.ts';
import type {StageSource} from '../stage-sources.ts';
import {trimWhitespace} from '../whitespace.ts';
import {commandArguments} from './command.ts';
import {addInlineDocument} from './inline-document.ts';
import {Inputs} from './inputs.ts';
import {agentVariables, convertMounts} from './run-mounts.ts';
import type {StageBuilder} from './stage-builder.ts';

// Where BuildKit puts scripts, so that $0 is the same.
const scriptDirectory = '/dev/pipes';

/** What a RUN executes, and what the progress says about it. */
type Command = {
	readonly words: readonly string[];
	readonly description: string;
	readonly mounts: readonly ExecMount[];
};

/**
RUN: a process in a container. `sources` are what the names in its mounts mean.

@throws {DockerfileError} as `convertMounts`
*/
export function convertRun(instruction: RunInstruction, stage: StageBuilder, sources: ReadonlyMap<string, StageSource>): void {
	const inputs = new Inputs();
	const root = inputs.add(stage.root);
	const mounts = convertMounts(instruction.mounts, stage, {sources, inputs});
	const {words, description, mounts: scripts} = readCommand(instruction, stage, inputs);
	// The environment, the history entry with the build arguments, and the vertex around them.
	stage.conversion.budget.spend(2 * stage.environment.size);
	const historyText = ['RUN', ...historyArguments(stage), ...words, '# buildkit'].join(' ');
	stage.addVertex({
		operation: {
			kind: 'exec',
			root,
			args: words,
			env: [...stage.environment.toStrings(), ...agentVariables(mounts, stage)],
			cwd: cleanPath(stage.workingDirectory),
			user: stage.user,
			network: instruction.network ?? stage.conversion.network,
			security: instruction.security,
			mounts: [...mounts, ...scripts],
			platform: stage.platform,
			...stage.conversion.stepOptions,
		},
		inputs: inputs.digests,
		name: stage.describe(description, {keepsQuotes: true, keepsUnset: true}),
		instruction,
		followsCacheWish: true,
	});
	stage.image.addHistory(historyText, {hasLayer: true});
}

function readCommand(instruction: RunInstruction, stage: StageBuilder, inputs: Inputs): Command {
	const {command, heredocs, code} = instruction;
	const [heredoc] = heredocs;
	if (heredoc === undefined) {
		return {words: commandArguments(command, stage), description: code, mounts: []};
	}

	const [line = ''] = command.words;
	if (parseHeredocWord(line) === undefined) {
		// The shell reads the heredocs.
		const bodies = heredocs.map(({content, name}) => `\n${content}${name}`);
		return {words: commandArguments({words: [line + bodies.join('')], usesShell: true}, stage), description: code, mounts: []};
	}

	const script = heredocText(heredoc);
	const description = `${code} (${summarize(heredoc.content)})`;
	return script.startsWith('#!')
		? {...mountScript(heredoc.name, script, {stage, inputs}), description}
		: {words: commandArguments({words: [script], usesShell: true}, stage), description, mounts: []};
}

/** A heredoc with an interpreter is a file that is executed, by the shell's `-c` as BuildKit does it. */
function mountScript(name: string, content: string, {stage, inputs}: {readonly stage: StageBuilder; readonly inputs: Inputs}): Pick<Command, 'words' | 'mounts'> {
	const file = addInlineDocument({
		name, content, mode: 0o755, platform: stage.platform,
	}, stage.conversion.definition);
	return {
		words: commandArguments({words: [cleanPath(`${scriptDirectory}/${name}`)], usesShell: true}, stage),
		mounts: [{
			type: 'bind', input: inputs.add(file), source: '/', target: scriptDirectory, readOnly: true,
		}],
	};
}

/** The first line of a heredoc; dots stand for the others. */
function summarize(content: string): string {
	const [first = '', ...others] = trimWhitespace(content).split(/\r?\n/v);
	return others.length === 0 ? first : `${first}...`;
}

/** `|2 A=1 B=2`: the build arguments, with the values that the variables have now. */
function historyArguments(stage: StageBuilder): readonly string[] {
	const {buildArguments, environment: {variables}} = stage;
	const values = buildArguments.entries().map(([name, value = '']) => `${name}=${variables.get(name) ?? value}`);
	return buildArguments.size === 0 ? [] : [`|${buildArguments.size}`, ...values];
}
