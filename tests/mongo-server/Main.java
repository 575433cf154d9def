import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.h2.mvstore.MVStore;

/**
 * A server that speaks MongoDB's protocol, for tests on machines without mongod.
 *
 * <pre>mongo-server -listen 127.0.0.1:27018 -directory /tmp/somewhere</pre>
 */
public final class Main {
    /** Commits each change before its answer: what is acknowledged survives a killed process. */
    private static final class CommittingBackend extends H2Backend {
        private static final Set<String> READS =
            Set.of("find", "getMore", "count", "aggregate", "distinct", "listIndexes");

        CommittingBackend(MVStore store) {
            super(store);
        }

        @Override
        public Document handleMessage(MongoMessage message) {
            Document command = message.getDocument();
            String name = command.keySet().iterator().next();
            if (name.equals("find")) {
                asUnderstood(command);
            }
            return READS.contains(name) ? super.handleMessage(message) : change(message);
        }

        /** One at a time, so that no commit holds half of another command's change. */
        private synchronized Document change(MongoMessage message) {
            try {
                return super.handleMessage(message);
            } finally {
                commit();
            }
        }
    }

    /** The library takes a large `skip` for 0, and of {a: {$regex, $ne}} sees the first only. */
    private static void asUnderstood(Document find) {
        if (find.get("skip") instanceof Number skip) {
            find.put("skip", (int) Math.min(skip.longValue(), Integer.MAX_VALUE));
        }
        if (find.get("filter") instanceof Document filter
            && filter.values().stream().anyMatch(Main::hasMoreThanRegex)) {
            find.put("filter", new Document("$and", apart(filter)));
        }
    }

    private static boolean hasMoreThanRegex(Object condition) {
        return condition instanceof Document operators
            && operators.containsKey("$regex") && operators.size() > 1;
    }

    private static List<Document> apart(Document filter) {
        List<Document> conditions = new ArrayList<>();
        filter.forEach((field, condition) -> {
            if (condition instanceof Document operators && hasMoreThanRegex(operators)) {
                operators.forEach((name, operand) ->
                    conditions.add(new Document(field, new Document(name, operand))));
            } else {
                conditions.add(new Document(field, condition));
            }
        });
        return conditions;
    }

    public static void main(String[] args) {
        if (args.length != 4 || !args[0].equals("-listen") || !args[2].equals("-directory")) {
            System.err.println("usage: mongo-server -listen ADDRESS:PORT -directory DIRECTORY");
            System.exit(2);
        }
        int colon = args[1].lastIndexOf(':');
        MVStore store = new MVStore.Builder()
            .fileName(args[3] + "/mongo.mv")
            .autoCommitDisabled()
            .open();
        store.setRetentionTime(0); // space of replaced pages is used again at once
        MongoServer server = new MongoServer(new CommittingBackend(store));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind(args[1].substring(0, colon), Integer.parseInt(args[1].substring(colon + 1)));
    }
}
