import test from 'ava';
import {formatWithTemplate, parseFieldTemplate} from '../../src/cli/field-template.ts';

const rows = [{
	ID: 'a', Size: '1kB', Shared: false, Parents: null,
}, {
	ID: 'bc', Size: '20kB', Shared: true, Parents: ['a'],
}];

const gives = test.macro({
	exec(t, template: string, expected: string) {
		t.is(formatWithTemplate(parseFieldTemplate(template)!, rows), expected);
	},
	title: (_, template: string) => `the template ${JSON.stringify(template)} is filled`,
});

test(gives, '{{.ID}} {{ .Size }}', 'a 1kB\nbc 20kB\n');
test(gives, '{{.ID}}={{.Shared}}{{.Parents}}!', 'a=false[]!\nbc=true[a]!\n');
test(gives, String.raw`{{.ID}}\t{{.Size}}`, 'a\t1kB\nbc\t20kB\n');
test(gives, String.raw`table {{.ID}}\t{{.Size}}`, 'ID        SIZE\na         1kB\nbc        20kB\n');
test(gives, '{{json .}}', '{"ID":"a","Size":"1kB","Shared":false,"Parents":null}\n{"ID":"bc","Size":"20kB","Shared":true,"Parents":["a"]}\n');

test('what has no braces is no template', t => {
	t.is(parseFieldTemplate('json'), undefined);
	t.is(parseFieldTemplate(undefined), undefined);
});

for (const template of ['{{range .}}x{{end}}', '{{.ID | upper}}', '{{}}', '{{printf "%s" .ID}}']) {
	test(`the template ${JSON.stringify(template)} is refused`, t => {
		t.throws(() => parseFieldTemplate(template), {code: 'ERR_TSBUILD_USAGE', message: /is not supported in a template/v});
	});
}

for (const field of ['Nope', 'constructor', 'toString']) {
	test(`a field ${field} is refused`, t => {
		t.throws(() => formatWithTemplate(parseFieldTemplate(`{{.${field}}}`)!, rows), {code: 'ERR_TSBUILD_USAGE', message: `template: can't evaluate field ${field}`});
	});
}
