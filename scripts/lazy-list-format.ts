/*
Takes the place of `Intl.ListFormat` in the bundle. @sindresorhus/is makes two when it is loaded, for messages that we never ask for, and each start would pay the 11 ms in which ICU reads its data.
*/

/** An `Intl.ListFormat` that is made when it is first used. */
export class LazyListFormat {
	readonly #make: () => Intl.ListFormat;

	constructor(...parameters: ConstructorParameters<typeof Intl.ListFormat>) {
		this.#make = () => new Intl.ListFormat(...parameters);
	}

	format(list: Iterable<string>): string {
		return this.#make().format(list);
	}
}
