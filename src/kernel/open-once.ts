/**
Something that is opened when it is first asked for, once, and closed at the end if it was.
*/
export class OpenOnce<Resource extends AsyncDisposable | Disposable> implements AsyncDisposable {
	readonly #open: () => Promise<Resource>;
	#resource: Promise<Resource> | undefined;

	/**
	The same each time.

	@throws what opening it throws, each time
	*/
	readonly open = async (): Promise<Resource> => {
		this.#resource ??= this.#open();
		return this.#resource;
	};

	constructor(open: () => Promise<Resource>) {
		this.#open = open;
	}

	async [Symbol.asyncDispose](): Promise<void> {
		const [opened] = await Promise.allSettled([this.#resource]);
		await using cleanup = new AsyncDisposableStack();
		if (opened.status === 'fulfilled') {
			cleanup.use(opened.value);
		}
	}
}
