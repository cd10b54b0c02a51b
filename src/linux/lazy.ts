/**
A function that makes its value at the first call and gives the same value ever after. When making it throws, the next call tries again.
*/
export function lazy<Value>(make: () => Value): () => Value {
	let made: {readonly value: Value} | undefined;
	return () => {
		made ??= {value: make()};
		return made.value;
	};
}
