import {buildFlags} from './build-flags.ts';
import type {Command} from './command.ts';
import type {FlagDefinitions} from './flag-parser.ts';

const globalHelp = `Build images from Dockerfiles, without Docker

Usage:
  tsbuild [build] [OPTIONS] PATH
  tsbuild [command]

Available Commands:
  build       Start a build
  help        Help about any command
  version     Show the version

Flags:
  -h, --help      help for tsbuild
      --version   Show the version

Use "tsbuild [command] --help" for more information about a command.
`;

/** `tsbuild help [command]`. */
export const helpCommand: Command = async ([name], {writeOutput}) => {
	writeOutput(name === 'build' ? formatBuildHelp(buildFlags) : globalHelp);
	return 0;
};

/** What `tsbuild build --help` prints: a line for each flag, in the form of pflag. */
export function formatBuildHelp(definitions: FlagDefinitions): string {
	return `Start a build

Usage:
  tsbuild [build] [OPTIONS] PATH

Aliases:
  build, b

Flags:
${formatFlags(definitions)}`;
}

function formatFlags(definitions: FlagDefinitions): string {
	const rows = Object.entries(definitions)
		.filter(([, {hidden}]) => hidden !== true)
		.map(([name, {shorthand, valueName, description}]) => ({
			flag: `${shorthand === undefined ? ' '.repeat(4) : `-${shorthand}, `}--${name}${valueName === undefined ? '' : ` ${valueName}`}`,
			description,
		}));
	const width = Math.max(...rows.map(({flag}) => flag.length));
	return rows.map(({flag, description}) => `  ${flag.padEnd(width)}   ${description}\n`).join('');
}
