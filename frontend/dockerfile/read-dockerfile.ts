import type {Checker} from './check/checker.ts';
import {checkDescription, checkStatement} from './check/statements.ts';
import {DockerfileError, rewriteError} from './errors.ts';
import type {
	ArgInstruction,
	Dockerfile,
	FromInstruction,
	Instruction,
	Stage,
} from './instructions.ts';
import type {Statement} from './parse.ts';
import {readInstruction} from './read-instruction.ts';

/**
Makes typed instructions of statements, checks each, and sorts them into stages.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`, with the line in the message when one instruction alone is wrong
*/
export function readDockerfile(statements: readonly Statement[], checker: Checker): Dockerfile {
	const globalArguments: ArgInstruction[] = [];
	const stages: Array<Stage & {readonly instructions: Instruction[]}> = [];
	for (const statement of statements) {
		checkStatement(statement, checker);
		const instruction = readLine(statement);
		checkDescription(instruction, checker);
		const stage = stages.at(-1);
		if (instruction.kind === 'from') {
			stages.push({from: instruction, instructions: []});
		} else if (stage !== undefined) {
			stage.instructions.push(instruction);
		} else if (instruction.kind === 'arg') {
			globalArguments.push(instruction);
		} else {
			throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'no build stage in current context', {
				locations: [statement.location],
				hint: 'A Dockerfile begins with FROM; only ARG may stand before it.',
			});
		}
	}

	if (stages.length === 0) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'dockerfile contains no stages to build');
	}

	return {globalArguments, stages};
}

function readLine(statement: Statement): Instruction | FromInstruction {
	try {
		return readInstruction(statement, false);
	} catch (error) {
		throw error instanceof DockerfileError
			? rewriteError(error, `dockerfile parse error on line ${statement.location.startLine}: ${error.message}`, [statement.location])
			: error;
	}
}
