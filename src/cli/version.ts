import packageJson from '../../package.json' with {type: 'json'};
import type {Command} from './command.ts';

/** The version of this program, as in its package. */
export const {version} = packageJson;

/** `tsbuild version`. */
export const versionCommand: Command = async (_args, {writeOutput}) => {
	writeOutput(`tsbuild version ${version}\n`);
	return 0;
};
