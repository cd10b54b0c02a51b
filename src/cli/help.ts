import type {Command} from './command.ts';
import type {FlagDefinitions} from './flag-parser.ts';

const globalHelp = `Build images from Dockerfiles, without Docker

Usage:
  tsbuild [build] [OPTIONS] PATH | URL | -
  tsbuild [command]

Available Commands:
  build       Start a build
  doctor      Check whether builds can run on this machine
  du          Disk usage
  help        Help about any command
  images      List images
  inspect     Show details of images
  load        Load images from an archive
  login       Authenticate to a registry
  logout      Log out from a registry
  prune       Remove build cache
  pull        Download an image
  push        Upload an image
  rmi         Remove images
  save        Save images to an archive
  store       Look after the local store
  tag         Give an image one more name
  version     Show the version

Flags:
  -h, --help          help for tsbuild
      --root string   Directory of the local store (default "/var/lib/tsbuild", or $TSBUILD_ROOT)
      --version       Show the version

Use "tsbuild [command] --help" for more information about a command.
`;

/** `tsbuild help`; the help of a command is what it prints with `--help`. */
export const helpCommand: Command = async (_args, {writeOutput}) => {
	writeOutput(globalHelp);
	return 0;
};

/** What a command is, for its help. */
export type CommandDescription = {
	/** One sentence; more of them below it if need be. */
	readonly summary: string;
	/** The command line, such as `tsbuild rmi [OPTIONS] IMAGE [IMAGE...]`. */
	readonly usage: string;
	readonly aliases?: readonly string[];
	readonly flags: FlagDefinitions;
};

/** What a command prints with `--help`: a line for each flag, in the form of pflag. */
export function formatCommandHelp({summary, usage, aliases = [], flags}: CommandDescription): string {
	return `${summary}

Usage:
  ${usage}

${aliases.length === 0 ? '' : `Aliases:\n  ${aliases.join(', ')}\n\n`}Flags:
${formatFlags(flags)}`;
}

/** What `tsbuild build --help` prints. */
export function formatBuildHelp(flags: FlagDefinitions): string {
	return formatCommandHelp({
		summary: 'Start a build',
		usage: 'tsbuild [build] [OPTIONS] PATH | URL | -',
		aliases: ['build', 'b'],
		flags,
	});
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
