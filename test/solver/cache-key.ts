import test from 'ava';
import {contentKey, definitionKey} from '../../solver/cache-key.ts';
import {digestOf} from '../../src/kernel/digest.ts';

const [a, b, c] = ['a', 'b', 'c'].map(text => digestOf(text)) as [ReturnType<typeof digestOf>, ReturnType<typeof digestOf>, ReturnType<typeof digestOf>];
const byKey = {digest: a, inputs: [undefined]};
const byContent = {digest: a, inputs: [undefined, async () => c]};

test('keys keep their shape, because records outlive the version that wrote them', t => {
	t.is(definitionKey(byKey, [b]), digestOf(`tsbuild-cache-key/1 {"inputs":[{"key":"${b}"}],"operation":"${a}"}`));
	t.is(definitionKey({...byKey, selectors: [c]}, [b]), digestOf(`tsbuild-cache-key/1 {"inputs":[{"key":"${b}","selector":"${c}"}],"operation":"${a}"}`));
	t.is(contentKey(byContent, [b, undefined], [undefined, c]), digestOf(`tsbuild-cache-key/1 {"inputs":[{"key":"${b}"},{"content":"${c}"}],"operation":"${a}"}`));
	t.is(definitionKey({digest: a, inputs: []}, []), digestOf(`tsbuild-cache-key/1 {"inputs":[],"operation":"${a}"}`));
});

test('a key by definition differs by operation, input, order and selector', t => {
	const keys = [
		definitionKey({digest: a, inputs: [undefined, undefined]}, [b, c]),
		definitionKey({digest: a, inputs: [undefined, undefined]}, [c, b]),
		definitionKey({digest: b, inputs: [undefined, undefined]}, [b, c]),
		definitionKey({digest: a, inputs: [undefined]}, [b]),
		definitionKey({digest: a, inputs: [undefined, undefined], selectors: [undefined, a]}, [b, c]),
		contentKey({digest: a, inputs: [undefined, async () => c]}, [b, c], [undefined, c]),
	];
	t.is(new Set(keys).size, keys.length);
});

test('a key by content does not depend on where the content came from', t => {
	t.is(contentKey({...byContent, selectors: [undefined, a]}, [b, a], [undefined, c]), contentKey({...byContent, selectors: [undefined, b]}, [b, undefined], [undefined, c]));
});

test('an input without a key leaves no key', t => {
	t.is(definitionKey(byKey, [undefined]), undefined);
	t.is(contentKey(byContent, [undefined, b], [undefined, c]), undefined);
});
