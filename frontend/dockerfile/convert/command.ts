import {quoteGoList} from '../../../src/kernel/go-format.ts';
import type {CmdInstruction, CommandLine, EntrypointInstruction} from '../instructions.ts';
import type {StageBuilder} from './stage-builder.ts';

const defaultShell = ['/bin/sh', '-c'];

/** The arguments to run: the shell form is one argument of the shell. */
export function commandArguments({words, usesShell}: CommandLine, stage: StageBuilder): readonly string[] {
	const {Shell: shell = []} = stage.image.plain;
	return usesShell ? [...(shell.length === 0 ? defaultShell : shell), words.join(' ')] : words;
}

/** CMD: what a container runs, or the arguments of its entrypoint. */
export function convertCmd({command}: CmdInstruction, stage: StageBuilder): void {
	checkCommand(command, stage);
	const words = commandArguments(command, stage);
	stage.setCommand(words);
	stage.image.addHistory(`CMD ${quoteGoList(words)}`, {hasLayer: false});
}

/** ENTRYPOINT: what a container runs. The base's CMD was meant for another one and falls out. */
export function convertEntrypoint({command}: EntrypointInstruction, stage: StageBuilder): void {
	checkCommand(command, stage);
	const words = commandArguments(command, stage);
	stage.image.update({Entrypoint: words, ...(!stage.hasCommand && {Cmd: []})});
	stage.image.addHistory(`ENTRYPOINT ${quoteGoList(words)}`, {hasLayer: false});
}

function checkCommand({usesShell}: CommandLine, stage: StageBuilder): void {
	stage.checks.replacesPrevious();
	if (usesShell && (stage.image.plain.Shell ?? []).length === 0) {
		stage.checks.shellForm();
	}
}
