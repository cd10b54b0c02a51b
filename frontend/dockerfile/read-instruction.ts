import type {SecurityMode} from '../../src/definition/operations.ts';
import {suggest} from '../../src/kernel/suggestion.ts';
import {quoteGoString} from '../../src/kernel/go-format.ts';
import {DockerfileError} from './errors.ts';
import {readFlags} from './flags.ts';
import type {
	ArgInstruction,
	CommandLine,
	EnvInstruction,
	FromInstruction,
	Instruction,
	KeyValue,
	OnBuildInstruction,
	RunInstruction,
} from './instructions.ts';
import {instructionNames} from './keyword.ts';
import type {Statement} from './parse.ts';
import {readHealthcheck} from './read-healthcheck.ts';
import {readAdd, readCopy} from './read-transfer.ts';
import {trimWhitespace} from './whitespace.ts';

type Bare<Type> = Type extends unknown ? Omit<Type, 'code' | 'location' | 'comments' | 'isTrigger'> : never;

/**
Judges one statement; `isTrigger` tells that it comes from the ONBUILD of a base image.

@throws {DockerfileError} `ERR_TSBUILD_DOCKERFILE_SYNTAX` for an unknown instruction, an unknown flag, and arguments that the instruction does not take
*/
export function readInstruction(statement: Statement, isTrigger: boolean): Instruction | FromInstruction {
	return {
		...readArguments(statement), code: trimWhitespace(statement.text), location: statement.location, comments: statement.comments, isTrigger,
	};
}

function readArguments(statement: Statement): Bare<Instruction | FromInstruction> {
	switch (statement.keyword) {
		case 'ADD': {
			return readAdd(statement);
		}

		case 'ARG': {
			return readArg(statement);
		}

		case 'CMD': {
			return {kind: 'cmd', command: readCommand(withoutFlags(statement))};
		}

		case 'COPY': {
			return readCopy(statement);
		}

		case 'ENTRYPOINT': {
			return {kind: 'entrypoint', command: readCommand(withoutFlags(statement))};
		}

		case 'ENV': {
			return {kind: 'env', ...readPairs(withoutFlags(statement), 'ENV')};
		}

		case 'EXPOSE': {
			return {kind: 'expose', ports: readSeveral(statement, 'EXPOSE').toSorted()};
		}

		case 'FROM': {
			return readFrom(statement);
		}

		case 'HEALTHCHECK': {
			return {kind: 'healthcheck', healthcheck: readHealthcheck(statement)};
		}

		case 'LABEL': {
			return {kind: 'label', ...readPairs(withoutFlags(statement), 'LABEL')};
		}

		case 'MAINTAINER': {
			return {kind: 'maintainer', maintainer: readOne(statement, 'MAINTAINER')};
		}

		case 'ONBUILD': {
			return readOnBuild(statement);
		}

		case 'RUN': {
			return readRun(statement);
		}

		case 'SHELL': {
			return {kind: 'shell', shell: readShell(withoutFlags(statement))};
		}

		case 'STOPSIGNAL': {
			return {kind: 'stopsignal', signal: readOne(statement, 'STOPSIGNAL')};
		}

		case 'USER': {
			return {kind: 'user', user: readOne(statement, 'USER')};
		}

		case 'VOLUME': {
			return {kind: 'volume', volumes: readVolumes(statement)};
		}

		case 'WORKDIR': {
			return {kind: 'workdir', path: readOne(statement, 'WORKDIR')};
		}

		case undefined: {
			throw syntaxError(`unknown instruction: ${statement.word}${suggestInstruction(statement.word)}`);
		}
	}
}

// The suggestion is in the case of what was written.
function suggestInstruction(word: string): string {
	const name = suggest(word.toUpperCase(), instructionNames);
	return name === undefined ? '' : ` (did you mean ${word === word.toLowerCase() ? name.toLowerCase() : name}?)`;
}

function readArg({words}: Statement): Bare<ArgInstruction> {
	if (words.length === 0) {
		throw syntaxError('ARG requires at least one argument');
	}

	return {kind: 'arg', parameters: words.map(word => readParameter(word))};
}

function readParameter(word: string): ArgInstruction['parameters'][number] {
	const separator = word.indexOf('=');
	if (separator === 0) {
		throw syntaxError('ARG names can not be blank');
	}

	return separator === -1 ? {name: word} : {name: word.slice(0, separator), value: word.slice(separator + 1)};
}

function readFrom({words, flags}: Statement): Bare<FromInstruction> {
	const [baseName, as, name = ''] = words;
	const isNamed = words.length === 3 && as?.toLowerCase() === 'as';
	const stageName = isNamed ? name.toLowerCase() : '';
	if (isNamed && !/^[a-z][\d\-._a-z]*$/v.test(stageName)) {
		throw syntaxError(`invalid name for build stage: ${quoteGoString(name)}, name can't start with a number or contain symbols`);
	}

	if (!isNamed && words.length !== 1) {
		throw syntaxError('FROM requires either one or three arguments');
	}

	const {platform = ''} = readFlags(flags, {platform: 'string'});
	return {
		kind: 'from', baseName: baseName!, stageName, ...(platform !== '' && {platform}),
	};
}

function readOnBuild({trigger, flags, text, heredocs}: Statement): Bare<OnBuildInstruction> {
	if (trigger === undefined) {
		throw syntaxError('ONBUILD requires at least one argument');
	}

	readFlags(flags, {});
	if (trigger.keyword === 'ONBUILD') {
		throw syntaxError('Chaining ONBUILD via `ONBUILD ONBUILD` isn\'t allowed');
	}

	if (trigger.keyword === 'MAINTAINER' || trigger.keyword === 'FROM') {
		throw syntaxError(`${trigger.keyword} isn't allowed as an ONBUILD trigger`);
	}

	const documents = heredocs.map(({content, name}) => `\n${content}${name}`);
	return {kind: 'onbuild', expression: text.replace(/^\s*onbuild\s*/iv, '') + documents.join('')};
}

function readRun(statement: Statement): Bare<RunInstruction> {
	const {mount = [], network, security = 'sandbox'} = readFlags(statement.flags, {mount: 'strings', network: 'string', security: 'string'});
	if (network !== undefined && network !== 'default' && network !== 'none' && network !== 'host') {
		throw syntaxError(`invalid network mode ${quoteGoString(network)}`);
	}

	if (!isSecurityMode(security)) {
		throw syntaxError(`security ${quoteGoString(security)} is not valid`);
	}

	return {
		kind: 'run',
		command: readCommand(statement),
		heredocs: statement.heredocs,
		network: network === 'default' ? undefined : network,
		security,
		mounts: mount,
	};
}

function isSecurityMode(text: string): text is SecurityMode {
	return text === 'sandbox' || text === 'insecure';
}

function readShell({words, isJson}: Statement): readonly string[] {
	if (words.length === 0) {
		throw syntaxError('SHELL requires at least one argument');
	}

	if (!isJson) {
		throw syntaxError('SHELL requires the arguments to be in JSON form');
	}

	return words;
}

function readVolumes(statement: Statement): readonly string[] {
	const volumes = readSeveral(statement, 'VOLUME').map(volume => trimWhitespace(volume));
	if (volumes.includes('')) {
		throw syntaxError('VOLUME specified can not be an empty string');
	}

	return volumes;
}

function readCommand({words, isJson}: Statement): CommandLine {
	return {words, usesShell: !isJson};
}

function readPairs({words, isLegacyPair = false}: Statement, name: string): Pick<EnvInstruction, 'pairs' | 'isLegacyPair'> {
	if (words.length === 0) {
		throw syntaxError(`${name} requires at least one argument`);
	}

	const pairs: KeyValue[] = [];
	for (let index = 0; index < words.length; index += 2) {
		pairs.push({name: words[index]!, value: words[index + 1]!});
	}

	if (pairs.some(pair => pair.name === '')) {
		throw syntaxError(`${name} names can not be blank`);
	}

	return {pairs, isLegacyPair};
}

function readOne(statement: Statement, name: string): string {
	const [word] = statement.words;
	if (word === undefined) {
		throw syntaxError(`${name} requires exactly one argument`);
	}

	withoutFlags(statement);
	return word;
}

function readSeveral(statement: Statement, name: string): readonly string[] {
	if (statement.words.length === 0) {
		throw syntaxError(`${name} requires at least one argument`);
	}

	return withoutFlags(statement).words;
}

function withoutFlags(statement: Statement): Statement {
	readFlags(statement.flags, {});
	return statement;
}

function syntaxError(message: string): DockerfileError {
	return new DockerfileError('ERR_TSBUILD_DOCKERFILE_SYNTAX', message);
}
