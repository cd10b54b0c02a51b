import {isColorRefused} from './no-color.ts';

/** What a colour stands for; the names are those of `$BUILDKIT_COLORS`. */
export type ColoredState = 'run' | 'cancel' | 'error' | 'warning';

/** For each state the parameters of "select graphic rendition", or nothing for the terminal's own colour. */
export type TerminalColors = Readonly<Partial<Record<ColoredState, string>>>;

// https://ecma-international.org/publications-and-standards/standards/ecma-48/ (8.3.117)
const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const firstColor = 30;
const firstLightColor = 90;
const defaultColor = '39';

const defaultColors: TerminalColors = {
	run: colorOfName('blue')!,
	cancel: colorOfName('yellow')!,
	warning: colorOfName('yellow')!,
	error: colorOfName('red')!,
};

/**
The colours of the terminal display: none with `$NO_COLOR`, else BuildKit's, changed by `$BUILDKIT_COLORS`, such as `run=green:error=255,0,0`. Parts of it that cannot be understood change nothing.

@see https://docs.docker.com/build/building/variables/#buildkit_colors
*/
export function readTerminalColors(environment: Readonly<Record<string, string | undefined>>): TerminalColors {
	if (isColorRefused(environment)) {
		return {};
	}

	const {BUILDKIT_COLORS = ''} = environment;
	const chosen = BUILDKIT_COLORS.toLowerCase().split(':').flatMap(entry => {
		const [state = '', value = '', ...rest] = entry.replaceAll('"', '').split('=');
		const color = colorOfName(value) ?? colorOfNumbers(value);
		return color !== undefined && rest.length === 0 && Object.hasOwn(defaultColors, state) ? [[state, color] as const] : [];
	});
	return {...defaultColors, ...Object.fromEntries(chosen)};
}

function colorOfName(name: string): string | undefined {
	if (name === 'default') {
		return defaultColor;
	}

	const isLight = name.startsWith('light-');
	const index = names.indexOf(isLight ? name.slice('light-'.length) : name);
	return index === -1 ? undefined : String((isLight ? firstLightColor : firstColor) + index);
}

/** The nearest of the 216 colours that terminals with 256 colours have. */
function colorOfNumbers(value: string): string | undefined {
	const numbers = value.split(',');
	if (numbers.length !== 3 || numbers.some(number => !/^\d{1,3}$/v.test(number) || Number(number) > 255)) {
		return undefined;
	}

	const [red = 0, green = 0, blue = 0] = numbers.map(number => Math.floor(Number(number) / 43));
	return `38;5;${16 + (36 * red) + (6 * green) + blue}`;
}
