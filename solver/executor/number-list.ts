/** No machine has more; the kernel's largest configuration is 8192. */
const maximumNumber = 99_999;

/**
The numbers of a list of CPUs or memory nodes such as `0-2,4`.

@returns `undefined` when the text is no such list
@see https://man7.org/linux/man-pages/man7/cpuset.7.html#FORMATS
*/
export function parseNumberList(text: string): ReadonlySet<number> | undefined {
	const numbers = new Set<number>();
	for (const range of text.split(',')) {
		const {first, last = first} = /^(?<first>\d+)(?:-(?<last>\d+))?$/v.exec(range)?.groups ?? {};
		if (!(Number(first) <= Number(last) && Number(last) <= maximumNumber)) {
			return undefined;
		}

		for (let number = Number(first); number <= Number(last); number++) {
			numbers.add(number);
		}
	}

	return numbers;
}
