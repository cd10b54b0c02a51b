import {Buffer} from 'node:buffer';
import type {SourceLocation} from '../../src/kernel/source-location.ts';
import {DockerfileError, rewriteError} from './errors.ts';
import type {Instruction} from './instructions.ts';
import {parseDockerfile} from './parse.ts';
import {readInstruction} from './read-instruction.ts';

/**
Reads the ONBUILD instructions of a base. They take effect at `location`, the FROM of the stage that begins with it.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX`
@see https://docs.docker.com/reference/dockerfile/#onbuild
*/
export function readTriggers(expressions: readonly string[], location: SourceLocation): readonly Instruction[] {
	try {
		return expressions.map(expression => readTrigger(expression, location));
	} catch (error) {
		throw error instanceof DockerfileError ? rewriteError(error, error.message, [location]) : error;
	}
}

function readTrigger(expression: string, location: SourceLocation): Instruction {
	const [statement, ...others] = parseDockerfile({file: location.file, content: Buffer.from(expression)});
	if (statement === undefined || others.length > 0) {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'onbuild trigger should be a single expression');
	}

	const instruction = readInstruction({...statement, location}, true);
	if (instruction.kind === 'from') {
		throw new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', 'FROM isn\'t allowed as an ONBUILD trigger');
	}

	return instruction;
}
